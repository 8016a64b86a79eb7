/** `rxssh keygen -y` and `-l`: the public part of a key, and fingerprints. */
import { existsSync, readFileSync } from 'node:fs';
import { defer, map, type Observable, of } from 'rxjs';
import {
  fingerprint,
  formatPublicKeyLine,
  md5Fingerprint,
  parseKnownHosts,
  parsePrivateKeyPublicPart,
  parsePublicKey,
  parsePublicKeyLine,
  type PublicKey,
  rsaBits,
} from '../keys/index.ts';
import { escapeText, isSshError } from '../node.ts';
import type { CliIo } from './io.ts';
import type { KeygenFlags } from './keygen.ts';
import { openKey } from './keygen-passphrase.ts';
import { FAILURE_STATUS, UsageError } from './usage.ts';

const SIZES: Readonly<Record<string, number>> = {
  'ssh-ed25519': 256,
  'ecdsa-sha2-nistp256': 256,
  'ecdsa-sha2-nistp384': 384,
  'ecdsa-sha2-nistp521': 521,
  'ssh-dss': 1024,
  'sk-ssh-ed25519@openssh.com': 256,
  'sk-ecdsa-sha2-nistp256@openssh.com': 256,
};

/** As people call the types. */
const NAMES: Readonly<Record<string, string>> = {
  'ssh-ed25519': 'ED25519',
  'ssh-rsa': 'RSA',
  'ssh-dss': 'DSA',
  'sk-ssh-ed25519@openssh.com': 'ED25519-SK',
  'sk-ecdsa-sha2-nistp256@openssh.com': 'ECDSA-SK',
};

/** Cold: prints the public key of a private key file, emits 0 and completes. */
export function showPublicKey(file: string, flags: KeygenFlags, io: CliIo): Observable<number> {
  return openKey(file, flags, io).pipe(
    map((key) => {
      io.stdout.write(`${formatPublicKeyLine(key.publicKey, key.comment ?? '')}\n`);
      return 0;
    }),
  );
}

/**
 * Cold: prints the fingerprint of each key in a file: a private key, public ones, or those of known_hosts. Emits 0 and completes,
 * or 255 when there was none.
 */
export function showFingerprints(
  file: string,
  { E = 'sha256' }: KeygenFlags,
  io: CliIo,
): Observable<number> {
  const hash = E.toLowerCase();
  if (hash !== 'sha256' && hash !== 'md5') throw new UsageError(`-E ${E}: sha256 or md5`);
  const shown = hash === 'md5' ? md5Fingerprint : fingerprint;
  return defer(() => {
    const keys = keysIn(file);
    for (const { key, comment } of keys) {
      const name = NAMES[key.type] ?? 'ECDSA';
      const bits = String(rsaBits(key) ?? SIZES[key.type]);
      io.stdout.write(`${bits} ${shown(key)} ${escapeText(comment)} (${name})\n`);
    }
    if (keys.length === 0) io.stderr.write(`rxssh: ${escapeText(file)} has no public key\n`);
    return of(keys.length === 0 ? FAILURE_STATUS : 0);
  });
}

interface ShownKey {
  readonly key: PublicKey;
  readonly comment: string;
}

function keysIn(file: string): readonly ShownKey[] {
  const text = readFileSync(file, 'utf8');
  if (/^\s*-----BEGIN /.test(text)) return keysOfPrivate(file, text);
  const lines = text.split('\n').flatMap((line) => publicLine(line.trim()) ?? []);
  if (lines.length > 0) return lines;
  return parseKnownHosts(text, file).entries.flatMap(({ blob, line }) => {
    const [hosts = ''] = (text.split('\n')[line - 1] ?? '').trim().split(/[ \t]/);
    return blob === undefined ? [] : [{ key: parsePublicKey(blob), comment: hosts }];
  });
}

/** What stands beside the private key has its comment, and takes no passphrase. */
function keysOfPrivate(file: string, text: string): readonly ShownKey[] {
  const beside = `${file}.pub`;
  const known = existsSync(beside) ? publicLine(readFileSync(beside, 'utf8').trim()) : undefined;
  return [
    known ?? { key: parsePrivateKeyPublicPart(text, escapeText(file)), comment: 'no comment' },
  ];
}

function publicLine(line: string): ShownKey | undefined {
  try {
    const { publicKey, comment } = parsePublicKeyLine(line);
    return { key: publicKey, comment: comment === '' ? 'no comment' : comment };
  } catch (error) {
    if (isSshError(error, 'key-format')) return undefined;
    throw error;
  }
}
