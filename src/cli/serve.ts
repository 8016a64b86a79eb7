/** `rxssh serve`: a server on this machine that runs commands as the user who has started it. */
import type { Command } from 'commander';
import {
  defer,
  endWith,
  fromEvent,
  ignoreElements,
  type Observable,
  skip,
  switchMap,
  takeUntil,
  tap,
} from 'rxjs';
import { hasTerminals, listen, type ListenOptions } from '../node.ts';
import { algorithmOptions } from './algorithm-lists.ts';
import { collect, more, verbosityOf } from './client-options.ts';
import { hostKeys } from './host-key-files.ts';
import { type CliIo, Messages } from './io.ts';
import { forwarding } from './serve-forward.ts';
import { limitsOf } from './serve-limits.ts';
import { ServeLog } from './serve-log.ts';
import { type LoginFlags, logins } from './serve-login.ts';
import { bannerOf, commands, files, parseAddress, shownAddress } from './serve-options.ts';
import { SERVER_KEYS } from './server-keys.ts';
import { connectionLog } from './connection-log.ts';
import { readSettings } from './settings.ts';

/** What commander makes of the options. */
export interface ServeFlags extends LoginFlags {
  readonly listen: string;
  readonly hostKey?: readonly string[];
  readonly allowExec?: boolean;
  readonly allowForward?: boolean;
  readonly sftpRoot?: string;
  readonly readOnly?: boolean;
  readonly banner?: string;
  readonly o?: readonly string[];
  readonly E?: string;
  readonly v?: number;
  readonly q?: boolean;
}

/** Of loopback only: who wants to be reached from elsewhere says so. */
const DEFAULT_ADDRESS = '127.0.0.1:2222';

/** Describes the command. */
export function serveCommand(command: Command): Command {
  return command
    .description('serve commands on this machine')
    .option('--listen <addr:port>', 'where to listen; port 0 is any', DEFAULT_ADDRESS)
    .option(
      '--host-key <file>',
      'private key (repeatable); without one, one is made for this run',
      collect,
    )
    .option('--authorized-keys <file>', 'keys that may log in')
    .option('--user <name>', 'the one user who may log in')
    .option('--password <pass>', 'of that user; better: RXSSH_PASSWORD')
    .option('--allow-exec', 'run commands and shells')
    .option('--banner <text>', 'shown before the login')
    .option('--sftp-root <dir>', 'serve the files below this folder (sftp, and scp)')
    .option('--read-only', 'of them, let nothing be changed')
    .option('--allow-forward', 'forward ports and unix sockets')
    .option('-o <key=value>', "an option of OpenSSH's sshd_config (repeatable)", collect)
    .option('-v', 'tell more (repeatable)', more)
    .option('-E <file>', 'append what happens on connections to a file, with times')
    .option('-q', 'tell less');
}

/** Cold: listens until SIGTERM, lets what runs come to its end, emits 0 and completes. */
export function runServe(flags: ServeFlags, io: CliIo): Observable<number> {
  const messages = new Messages(io.stderr, verbosityOf(flags));
  const settings = readSettings(flags.o ?? [], SERVER_KEYS);
  for (const key of settings.ignored) messages.verbose(1, `-o ${key} makes no difference here`);
  const { methods, authenticate } = logins(flags, settings, io.env, messages);
  const banner = bannerOf(flags.banner, settings);
  const limits = limitsOf(settings);
  const trace = flags.E === undefined ? undefined : connectionLog(messages);
  if (flags.allowExec === true && !hasTerminals())
    messages.verbose(1, 'no terminals: the package @lydell/node-pty is not there');
  const options = {
    ...parseAddress(flags.listen),
    ...limits.server,
    ...files(flags, settings),
    // who may run commands has the scp of this machine
    ...commands(flags, settings),
    ...forwarding(flags, settings),
    algorithms: algorithmOptions(settings),
    authenticate,
    ...(trace === undefined ? {} : { trace }),
    authentication: {
      ...limits.login,
      methods,
      ...(banner === undefined ? {} : { banner }),
    },
  };
  return defer(() =>
    hostKeys(flags.hostKey ?? [], io, messages).pipe(
      switchMap((keys) => serveUntilTerm({ ...options, hostKeys: keys }, io, messages)),
    ),
  );
}

function serveUntilTerm(options: ListenOptions, io: CliIo, messages: Messages): Observable<number> {
  const log = new ServeLog(messages);
  const term$ = fromEvent(process, 'SIGTERM');
  const work$ = listen({ ...options, drain: term$ }).pipe(
    tap((event) => {
      if (event.type === 'listening') {
        io.stdout.write(`listening on ${shownAddress(event)}\n`);
        if (!allowsAnything(options))
          messages.notice('clients can log in and do nothing: see rxssh serve --help');
      }
      log.tell(event);
    }),
    ignoreElements(),
  );
  // who says it twice does not want to wait
  return work$.pipe(takeUntil(term$.pipe(skip(1))), endWith(0));
}

function allowsAnything({ exec, subsystems, forward }: ListenOptions): boolean {
  return exec !== undefined || subsystems !== undefined || forward !== undefined;
}
