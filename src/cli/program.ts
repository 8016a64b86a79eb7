/** The command line as a whole: which command, and what becomes of mistakes. */
import { Command, CommanderError } from 'commander';
import { type MonoTypeOperatorFunction, type Observable, of } from 'rxjs';
import { execCommand, type ExecFlags, NO_COMMAND, runExec } from './exec.ts';
import { forwardCommand, type ForwardFlags, runForward } from './forward.ts';
import { getCommand, runGet } from './get.ts';
import type { CliIo } from './io.ts';
import { keygenCommand, type KeygenFlags, runKeygen } from './keygen.ts';
import { keyscanCommand, type KeyscanFlags, runKeyscan } from './keyscan.ts';
import { lsCommand, type LsFlags, runLs } from './ls.ts';
import { runServe, serveCommand, type ServeFlags } from './serve.ts';
import { putCommand, runPut } from './put.ts';
import { failure } from './run.ts';
import { runSftp, sftpCommand, type SftpFlags } from './sftp.ts';
import { runShell, shellCommand, type ShellFlags } from './shell.ts';
import { endedBy } from './signals.ts';
import type { TransferFlags } from './transfer.ts';
import { notYet, USAGE_STATUS, UsageError } from './usage.ts';
import { version } from './version.ts';
import { whenWritten, Writer } from './writer.ts';

const LATER = ['agent'];

/**
 * What the arguments come to: emits the exit status, and completes. Mistakes are told on stderr, and are status 2.
 *
 * @param args - without the program's own name
 */
export function program(args: readonly string[], io: CliIo): Observable<number> {
  try {
    return parse(args, io);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return of(failure(thrown, io));
    // who is used to `ssh HOST ls -l` has not asked for an option of ours
    const isOption = /^commander\.(unknownOption|optionMissingArgument)$/.test(thrown.code);
    const isInCommand = isOption && !args.includes('--');
    if (isInCommand && args[0] === 'exec') io.stderr.write(`rxssh: ${NO_COMMAND}\n`);
    return of(thrown.exitCode === 0 ? 0 : USAGE_STATUS);
  }
}

function parse(args: readonly string[], io: CliIo): Observable<number> {
  // commander forgets where the -- stood
  const separator = args.indexOf('--');
  const own = separator < 0 ? args : args.slice(0, separator);
  const rest = separator < 0 ? [] : args.slice(separator + 1);
  const root = rootCommand(io);
  let work: (() => Observable<number>) | undefined;
  // of those that write lines as they come: their reader may leave
  const written = (): MonoTypeOperatorFunction<number> => whenWritten(new Writer(io.stdout));
  execCommand(root.command('exec')).action((hosts: string[], flags: ExecFlags) => {
    work = () => runExec(hosts, rest, flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'));
  });
  shellCommand(root.command('shell')).action((host: string, flags: ShellFlags) => {
    work = () => runShell(host, flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'));
  });
  lsCommand(root.command('ls')).action((where: string, flags: LsFlags) => {
    work = () => runLs(where, flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'));
  });
  sftpCommand(root.command('sftp')).action((host: string, flags: SftpFlags) => {
    // the interrupt key has a meaning of its own in a dialogue
    work = () => runSftp(host, flags, io).pipe(endedBy('SIGHUP', 'SIGTERM'));
  });
  getCommand(root.command('get')).action((paths: string[], flags: TransferFlags) => {
    work = () => runGet(paths, flags, io);
  });
  putCommand(root.command('put')).action((paths: string[], flags: TransferFlags) => {
    work = () => runPut(paths, flags, io);
  });
  forwardCommand(root.command('forward')).action((host: string, flags: ForwardFlags) => {
    work = () => runForward(host, flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'));
  });
  serveCommand(root.command('serve')).action((flags: ServeFlags) => {
    // SIGTERM is its way to end well
    work = () => runServe(flags, io).pipe(endedBy('SIGHUP', 'SIGINT'));
  });
  keygenCommand(root.command('keygen')).action((flags: KeygenFlags) => {
    work = () => runKeygen(flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'), written());
  });
  keyscanCommand(root.command('keyscan')).action((hosts: string[], flags: KeyscanFlags) => {
    work = () =>
      runKeyscan(hosts, flags, io).pipe(endedBy('SIGHUP', 'SIGINT', 'SIGTERM'), written());
  });
  root.parse(own, { from: 'user' });
  if (work === undefined) throw new UsageError('no command; see rxssh --help');
  if (separator >= 0 && own[0] !== 'exec')
    throw new UsageError(`${own[0] ?? ''} takes nothing behind --`);
  return work();
}

function rootCommand(io: CliIo): Command {
  const root = new Command('rxssh')
    .description('SSH for one host or many')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`rxssh: ${text.replace(/^error: /, '')}`),
    });
  for (const name of LATER) {
    root
      .command(name, { hidden: true })
      .argument('[any...]')
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw notYet(name);
      });
  }
  return root;
}
