/** Key files, made by ssh-keygen. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A kind of key that ssh-keygen makes. */
export interface KeyKind {
  /** The type on its public line. */
  readonly type: string;
  readonly options: readonly string[];
}

export const KEY_KINDS: readonly KeyKind[] = [
  { type: 'ssh-ed25519', options: ['-t', 'ed25519'] },
  { type: 'ecdsa-sha2-nistp256', options: ['-t', 'ecdsa', '-b', '256'] },
  { type: 'ecdsa-sha2-nistp384', options: ['-t', 'ecdsa', '-b', '384'] },
  { type: 'ecdsa-sha2-nistp521', options: ['-t', 'ecdsa', '-b', '521'] },
  { type: 'ssh-rsa', options: ['-t', 'rsa', '-b', '2048'] },
];

/** A key of each kind, `name-type` and `name-type.pub` in the folder. */
export function makeKeyFiles(
  file: (name: string) => string,
  name: string,
  kinds: readonly KeyKind[] = KEY_KINDS,
): readonly string[] {
  return kinds.map(({ type, options }) => {
    const path = file(`${name}-${type}`);
    makeKeyFile(path, options);
    return path;
  });
}

export function makeKeyFile(
  path: string,
  options: readonly string[] = ['-t', 'ed25519'],
  passphrase = '',
): void {
  execFileSync('ssh-keygen', ['-q', ...options, '-N', passphrase, '-C', 'a key', '-f', path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** The line of a public key file, without its comment. */
export function publicLine(privateFile: string): string {
  return readFileSync(`${privateFile}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');
}

/** Public lines by their type. */
export function publicLinesByType(privateFiles: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    privateFiles.map((file) => {
      const line = publicLine(file);
      return [line.split(' ', 1)[0] ?? '', line];
    }),
  );
}
