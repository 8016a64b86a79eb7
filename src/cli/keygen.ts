/** `rxssh keygen`: makes a key pair. */
import { rmSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import {
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
  formatPrivateKey,
  formatPublicKeyLine,
  generatePrivateKey,
  type PrivateKey,
} from '../keys/index.ts';
import { escapeText } from '../node.ts';
import type { CliIo } from './io.ts';
import { later } from './client-options.ts';
import { nobody, type Prompter } from './terminal.ts';
import { hasCode, notYet, UsageError } from './usage.ts';
import { integer } from './values.ts';

/** What commander makes of the options. */
export interface KeygenFlags {
  readonly t?: string;
  readonly b?: string;
  readonly N?: string;
  readonly C?: string;
  readonly f?: string;
  readonly q?: boolean;
}

const CURVES = [256, 384, 521] as const;
const LATER = ['-y', '-l', '-p', '-H', '-F <host>', '-R <host>', '-Y <action>'];

/** Describes the command. */
export function keygenCommand(command: Command): Command {
  command
    .description('make a key pair')
    .option('-t <type>', 'ed25519 (the default) or ecdsa')
    .option('-b <bits>', 'for ecdsa: 256, 384 or 521')
    .option('-N <passphrase>', 'of the private key; asked for on the terminal without it')
    .option('-C <comment>', 'comment; user@host by default')
    .option('-f <file>', 'file of the private key; the public one is beside it, in FILE.pub')
    .option('-q', 'tell nothing');
  for (const flags of LATER) command.addOption(later(flags));
  return command;
}

/** Cold: makes the key and writes both files, emits 0 and completes. An existing file is left alone unless its owner says otherwise. */
export function runKeygen(flags: KeygenFlags, io: CliIo): Observable<number> {
  const { f: file } = flags;
  if (file === undefined) throw new UsageError('keygen: -f FILE is missing');
  const comment = flags.C ?? `${userInfo().username}@${hostname()}`;
  const make = keyMaker(flags, comment);
  return defer(() =>
    passphrase(flags, io).pipe(
      switchMap((secret) => {
        const key = make();
        const options = { comment, ...(secret === '' ? {} : { passphrase: secret }) };
        return from(formatPrivateKey(key, options)).pipe(
          concatMap((text) => write(file, text, key, comment, io)),
          map(() => {
            if (flags.q !== true) tell(file, key, comment, secret === '', io);
            return 0;
          }),
        );
      }),
    ),
  );
}

function keyMaker({ t: type = 'ed25519', b }: KeygenFlags, comment: string): () => PrivateKey {
  switch (type.toLowerCase()) {
    case 'ed25519':
      // as ssh-keygen does: the size of an Ed25519 key is what it is
      return () => generatePrivateKey('ed25519', { comment });
    case 'ecdsa': {
      const asked = integer('-b', b ?? '256', 1, 100_000);
      const bits = CURVES.find((curve) => curve === asked);
      if (bits === undefined)
        throw new UsageError(`-b ${String(asked)}: ecdsa has 256, 384 and 521`);
      return () => generatePrivateKey('ecdsa', { comment, bits });
    }
    case 'rsa':
    case 'dss':
    case 'dsa':
      throw notYet(`keygen -t ${type}`);
    default:
      throw new UsageError(`keygen: ${JSON.stringify(type)} is no type of key`);
  }
}

/** -N, RXSSH_PASSPHRASE, the terminal (twice), or none where there is nobody to ask, as ssh-keygen does. */
function passphrase({ N }: KeygenFlags, { env, terminal }: CliIo): Observable<string> {
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

function write(
  file: string,
  text: string,
  key: PrivateKey,
  comment: string,
  { terminal = nobody }: CliIo,
): Observable<unknown> {
  const writeBoth = (): void => {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    writeFileSync(`${file}.pub`, `${formatPublicKeyLine(key.publicKey, comment)}\n`, {
      mode: 0o644,
    });
  };
  return defer(() => {
    try {
      writeBoth();
      return of(true);
    } catch (thrown) {
      if (!hasCode(thrown, 'EEXIST')) throw thrown;
      // written anew, not into the old file: that may have another mode, or be a link
      return overwrite(file, terminal).pipe(
        map(() => {
          rmSync(file);
          writeBoth();
        }),
      );
    }
  });
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
