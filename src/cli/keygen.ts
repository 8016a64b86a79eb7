/** `rxssh keygen`: makes keys, shows them, and keeps key files and known_hosts. */
import type { Command } from 'commander';
import type { Observable } from 'rxjs';
import { later } from './client-options.ts';
import type { CliIo } from './io.ts';
import { findHost, hashHosts, removeHost } from './keygen-hosts.ts';
import { makeKey } from './keygen-make.ts';
import { changePassphrase } from './keygen-passphrase.ts';
import { showFingerprints, showPublicKey } from './keygen-show.ts';
import { UsageError } from './usage.ts';

/** What commander makes of the options. */
export interface KeygenFlags {
  readonly t?: string;
  readonly b?: string;
  readonly N?: string;
  readonly P?: string;
  readonly C?: string;
  readonly E?: string;
  readonly F?: string;
  readonly H?: boolean;
  readonly R?: string;
  readonly f?: string;
  readonly l?: boolean;
  readonly p?: boolean;
  readonly q?: boolean;
  readonly y?: boolean;
}

/** What is done in place of making a key. */
const ACTIONS = ['y', 'l', 'p', 'F', 'R', 'H'] as const;

/** Describes the command. */
export function keygenCommand(command: Command): Command {
  return command
    .description('make a key pair, or look after keys and known hosts')
    .option('-t <type>', 'ed25519 (the default), ecdsa or rsa; dss for what knows nothing better')
    .option('-b <bits>', 'for ecdsa: 256, 384 or 521; for rsa: 3072 unless said otherwise')
    .option('-N <passphrase>', 'of the private key; asked for on the terminal without it')
    .option('-P <passphrase>', 'the one that the file has, for -y and -p')
    .option('-C <comment>', 'comment; user@host by default')
    .option('-f <file>', 'file of the private key; the public one is beside it, in FILE.pub')
    .option('-y', 'print the public key of a private one')
    .option('-l', 'print the fingerprints of the keys in a file')
    .option('-E <hash>', 'of a fingerprint: sha256 (the default) or md5')
    .option('-p', 'change the passphrase of a file; it is written in the format of OpenSSH')
    .option('-F <host>', 'print the lines of known_hosts that speak of a host')
    .option('-R <host>', 'take the keys of a host out of known_hosts')
    .option('-H', 'hide the names in known_hosts behind hashes')
    .option('-q', 'tell nothing')
    .addOption(later('-Y <action>'));
}

/** Cold: does what the flags say, emits the exit status and completes. Throws a `UsageError` for flags that do not fit. */
export function runKeygen(flags: KeygenFlags, io: CliIo): Observable<number> {
  const actions = ACTIONS.filter((name) => flags[name] !== undefined);
  if (actions.length > 1)
    throw new UsageError(`keygen: -${actions.join(' and -')} do not go together`);
  const { f: file, F, R } = flags;
  if (F !== undefined) return findHost(F, flags, io);
  if (R !== undefined) return removeHost(R, flags, io);
  if (flags.H === true) return hashHosts(flags, io);
  if (file === undefined) throw new UsageError('keygen: -f FILE is missing');
  switch (actions[0]) {
    case 'y':
      return showPublicKey(file, flags, io);
    case 'l':
      return showFingerprints(file, flags, io);
    case 'p':
      return changePassphrase(file, flags, io);
    default:
      return makeKey(file, flags, io);
  }
}
