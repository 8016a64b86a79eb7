/** Security keys that are made of software, for OpenSSH's tools: a library that ssh-keygen and ssh-agent load (sk-provider.c). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Compiles the library. */
export function makeSecurityKeyProvider(path: string): string {
  const source = join(import.meta.dirname, 'sk-provider.c');
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, source, '-lcrypto']);
  return path;
}

/** Makes a key in a new device. */
export function makeSecurityKey(
  provider: string,
  path: string,
  type: 'ed25519-sk' | 'ecdsa-sk',
  ...options: readonly string[]
): void {
  const more = options.flatMap((option) => ['-O', option]);
  const args = ['-q', '-t', type, '-w', provider, ...more, '-N', '', '-C', 'a key', '-f', path];
  execFileSync('ssh-keygen', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
