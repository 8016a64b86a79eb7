/** Passphrases of key files, and `rxssh keygen -p`, which changes one. */
import { readFileSync } from 'node:fs';
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
import { type FormatPrivateKeyOptions, parsePrivateKey, type PrivateKey } from '../keys/index.ts';
import {
  escapeText,
  isSshError,
  SshError,
  writePrivateKey,
  type WritePrivateKeyOptions,
} from '../node.ts';
import type { CliIo } from './io.ts';
import type { KeygenFlags } from './keygen.ts';
import { nobody } from './terminal.ts';
import { UsageError } from './usage.ts';

/** Cold: writes the file anew under another passphrase, or none. Emits 0 and completes. */
export function changePassphrase(file: string, flags: KeygenFlags, io: CliIo): Observable<number> {
  // what nobody was asked about must not end up without a passphrase
  if (flags.N === undefined && io.terminal === undefined)
    throw new UsageError('keygen -p: give the new passphrase with -N');
  return openKey(file, flags, io).pipe(
    concatMap((key) =>
      newPassphrase(flags, { ...io, env: {} }).pipe(
        concatMap((secret) =>
          saveKey(file, key, {
            ...formatOptions(key.comment ?? '', secret),
            replace: true,
          }),
        ),
      ),
    ),
    map(() => {
      if (flags.q !== true)
        io.stdout.write('Your identification has been saved with the new passphrase.\n');
      return 0;
    }),
  );
}

/** The key in a file. Its passphrase is -P, RXSSH_PASSPHRASE, or asked for when there is one. Cold. */
export function openKey(file: string, { P }: KeygenFlags, io: CliIo): Observable<PrivateKey> {
  const { env, terminal = nobody } = io;
  return defer(() => {
    const text = readFileSync(file);
    const parsed = (passphrase?: string): Observable<PrivateKey> =>
      from(
        parsePrivateKey(text, {
          source: escapeText(file),
          ...(passphrase === undefined ? {} : { passphrase }),
        }),
      );
    return parsed(P ?? env['RXSSH_PASSPHRASE']).pipe(
      catchError((error: unknown) => {
        if (!isSshError(error, 'key-format') || error.detail.reason !== 'passphrase-needed')
          return throwError(() => error);
        const { message, detail } = error;
        const advice = new SshError(
          'key-format',
          `${message}: give its passphrase with -P`,
          detail,
        );
        const question = `Enter passphrase for ${escapeText(file)}: `;
        return terminal.ask(question, { isSecret: true }).pipe(
          defaultIfEmpty(undefined),
          switchMap((typed) => (typed === undefined ? throwError(() => advice) : parsed(typed))),
        );
      }),
    );
  });
}

/** How a file is written under this passphrase; an empty one is none. */
export function formatOptions(comment: string, passphrase: string): FormatPrivateKeyOptions {
  return { comment, ...(passphrase === '' ? {} : { passphrase }) };
}

/** What the system has against a file is no mistake of the options. */
export async function saveKey(
  file: string,
  key: PrivateKey,
  options: WritePrivateKeyOptions,
): Promise<void> {
  try {
    await writePrivateKey(file, key, options);
  } catch (error) {
    throw isSshError(error) && error.cause !== undefined ? error.cause : error;
  }
}

/** -N, RXSSH_PASSPHRASE, the terminal (twice), or none where there is nobody to ask, as ssh-keygen does. */
export function newPassphrase(
  { N }: Pick<KeygenFlags, 'N'>,
  { env, terminal }: CliIo,
): Observable<string> {
  const known = N ?? env['RXSSH_PASSPHRASE'];
  if (known !== undefined || terminal === undefined) return of(known ?? '');
  const ask = (question: string): Observable<string> => terminal.ask(question, { isSecret: true });
  return ask('Enter passphrase (empty for no passphrase): ').pipe(
    switchMap((first) =>
      ask('Enter same passphrase again: ').pipe(
        switchMap((second) =>
          first === second
            ? of(first)
            : throwError(() => new UsageError('the passphrases are not the same')),
        ),
      ),
    ),
  );
}
