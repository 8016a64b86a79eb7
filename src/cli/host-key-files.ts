/** The keys that `serve` shows to its clients. */
import { statSync } from 'node:fs';
import { concatMap, defer, from, lastValueFrom, type Observable, of, toArray } from 'rxjs';
import {
  fingerprint,
  generatePrivateKey,
  parsePrivateKey,
  parsePrivateKeyPublicPart,
  type PrivateKey,
} from '../keys/index.ts';
import { isSshError } from '../node.ts';
import { readText } from './hosts.ts';
import { passphrases } from './identities.ts';
import type { CliIo, Messages } from './io.ts';
import { UsageError } from './usage.ts';

const MAX_KEY_FILE = 1024 * 1024;
const READABLE_BY_OTHERS = 0o077;

/** The keys in the files; without a file one that is made for this run, and told of. Cold. */
export function hostKeys(
  files: readonly string[],
  io: CliIo,
  messages: Messages,
): Observable<readonly PrivateKey[]> {
  if (files.length > 0) {
    return from(files).pipe(
      concatMap((file) => readHostKey(file, io)),
      toArray(),
    );
  }
  return defer(() => {
    const key = generatePrivateKey('ed25519');
    const print = fingerprint(key.publicKey);
    messages.notice(`no --host-key: made one for this run, ${key.publicKey.type} ${print}`);
    return of([key]);
  });
}

async function readHostKey(file: string, io: CliIo): Promise<PrivateKey> {
  const text = readText(file, '--host-key', MAX_KEY_FILE);
  checkMode(file);
  // what is no private key at all is told before anybody is asked for its passphrase
  parsePrivateKeyPublicPart(text, file);
  try {
    return await parsePrivateKey(text, { source: file });
  } catch (thrown) {
    if (!isSshError(thrown, 'key-format') || thrown.detail.reason !== 'passphrase-needed')
      throw thrown;
    const passphrase = await askFor(file, io);
    if (passphrase === undefined) throw thrown;
    return parsePrivateKey(text, { source: file, passphrase });
  }
}

/** OpenSSH's rule: a private key that others can read is not private. */
function checkMode(file: string): void {
  if (file.endsWith('.pub'))
    throw new UsageError(`--host-key ${file}: is a public key: name the private one`);
  if (process.platform === 'win32') return;
  if ((statSync(file).mode & READABLE_BY_OTHERS) !== 0)
    throw new UsageError(`--host-key ${file}: is readable by others: its mode must be 0600`);
}

async function askFor(file: string, io: CliIo): Promise<string | undefined> {
  const answer = passphrases(io)(file, 1);
  if (answer === undefined || typeof answer === 'string') return answer;
  return lastValueFrom(from(answer), { defaultValue: undefined });
}
