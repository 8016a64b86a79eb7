/** `rxssh keygen` as such: makes a key pair. */
import { writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import {
  catchError,
  concatMap,
  defaultIfEmpty,
  defer,
  from,
  map,
  type Observable,
  of,
  switchMap,
  throwError,
} from 'rxjs';
import {
  fingerprint,
  type FormatPrivateKeyOptions,
  formatPublicKeyLine,
  generateDsaKey,
  generatePrivateKey,
  generateRsaKey,
  type PrivateKey,
} from '../keys/index.ts';
import { escapeText } from '../node.ts';
import type { CliIo } from './io.ts';
import type { KeygenFlags } from './keygen.ts';
import { formatOptions, newPassphrase, saveKey } from './keygen-passphrase.ts';
import { nobody, type Prompter } from './terminal.ts';
import { hasCode, UsageError } from './usage.ts';
import { integer } from './values.ts';

const CURVES = [256, 384, 521] as const;

/** Cold: makes the key and writes both files, emits 0 and completes. An existing file is left alone unless its owner says otherwise. */
export function makeKey(file: string, flags: KeygenFlags, io: CliIo): Observable<number> {
  const comment = flags.C ?? `${userInfo().username}@${hostname()}`;
  const make = keyMaker(flags, comment);
  return defer(() =>
    newPassphrase(flags, io).pipe(
      switchMap((secret) =>
        from(make()).pipe(
          concatMap((key) =>
            write(file, key, formatOptions(comment, secret), io).pipe(
              map(() => {
                if (flags.q !== true) tell(file, key, comment, secret === '', io);
                return 0;
              }),
            ),
          ),
        ),
      ),
    ),
  );
}

function keyMaker(
  { t: type = 'ed25519', b }: KeygenFlags,
  comment: string,
): () => Promise<PrivateKey> {
  switch (type.toLowerCase()) {
    case 'ed25519':
      // as ssh-keygen does: the size of an Ed25519 key is what it is
      return async () => generatePrivateKey('ed25519', { comment });
    case 'ecdsa': {
      const asked = integer('-b', b ?? '256', 1, 100_000);
      const bits = CURVES.find((curve) => curve === asked);
      if (bits === undefined)
        throw new UsageError(`-b ${String(asked)}: ecdsa has 256, 384 and 521`);
      return async () => generatePrivateKey('ecdsa', { comment, bits });
    }
    case 'rsa': {
      const bits = integer('-b', b ?? '3072', 2048, 16_384);
      if (bits % 8 > 0) throw new UsageError(`-b ${String(bits)}: a multiple of 8 is needed`);
      return () => generateRsaKey({ comment, bits });
    }
    case 'dss':
    case 'dsa':
      if (b !== undefined && b !== '1024') throw new UsageError(`-b ${b}: dss has 1024`);
      return async () => generateDsaKey({ comment });
    default:
      throw new UsageError(`keygen: ${JSON.stringify(type)} is no type of key`);
  }
}

function write(
  file: string,
  key: PrivateKey,
  options: FormatPrivateKeyOptions,
  { terminal = nobody }: CliIo,
): Observable<unknown> {
  const writeBoth = async (replace: boolean): Promise<void> => {
    await saveKey(file, key, { ...options, replace });
    const line = formatPublicKeyLine(key.publicKey, options.comment);
    await writeFile(`${file}.pub`, `${line}\n`, { mode: 0o644 });
  };
  return from(writeBoth(false)).pipe(
    catchError((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) return throwError(() => error);
      return overwrite(file, terminal).pipe(concatMap(() => writeBoth(true)));
    }),
  );
}

function overwrite(file: string, terminal: Prompter): Observable<unknown> {
  return terminal.ask(`${escapeText(file)} already exists.\nOverwrite (y/n)? `).pipe(
    defaultIfEmpty('n'),
    switchMap((answer) =>
      /^y(es)?$/i.test(answer.trim())
        ? of(true)
        : throwError(() => new UsageError(`${file} exists, and was left as it is`)),
    ),
  );
}

function tell(file: string, key: PrivateKey, comment: string, isPlain: boolean, io: CliIo): void {
  io.stdout.write(
    `Your identification has been saved in ${file}${isPlain ? ', without a passphrase' : ''}\n` +
      `Your public key has been saved in ${file}.pub\n` +
      `The key fingerprint is:\n${fingerprint(key.publicKey)} ${escapeText(comment)}\n`,
  );
}
