/** `rxssh sftp`: a dialogue about files, with a person or with a batch of commands. */
import { createReadStream, openSync } from 'node:fs';
import type { Command } from 'commander';
import { defer, filter, fromEvent, map, merge, type Observable, take } from 'rxjs';
import { type ByteInput, escapeText, splitLines, toByteStream } from '../node.ts';
import { addClientOptions, type ClientFlags, verbosityOf } from './client-options.ts';
import { namedHost } from './client-setup.ts';
import { type CliIo, Messages } from './io.ts';
import { completion } from './sftp-completion.ts';
import { sftpConnector } from './sftp-connection.ts';
import { runLines } from './sftp-dialogue.ts';
import { typedLines } from './sftp-prompt.ts';
import { SftpSession } from './sftp-session.ts';
import { messageOf, UsageError } from './usage.ts';
import { whenWritten, Writer } from './writer.ts';

/** What commander makes of the options. */
export interface SftpFlags extends ClientFlags {
  readonly b?: string;
}

/** 128 and SIGINT. */
const INTERRUPTED_STATUS = 130;

/** Describes the command. */
export function sftpCommand(command: Command): Command {
  return addClientOptions(
    command
      .description('move and manage files in a dialogue, or in a batch')
      .usage('[-b BATCHFILE] [options] HOST')
      .argument('<host>', '[user@]host[:port] or ssh://…'),
  ).option('-b <file>', 'commands, one a line; "-" is stdin. Nobody is asked anything');
}

/** Runs it. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done. */
export function runSftp(name: string, flags: SftpFlags, io: CliIo): Observable<number> {
  const host = namedHost(name);
  const verbosity = verbosityOf(flags);
  const messages = new Messages(io.stderr, verbosity);
  const isBatch = flags.b !== undefined;
  const isInteractive = !isBatch && io.stdin.isTTY === true && io.stdout.isTTY === true;
  const options = isBatch ? { ...flags, o: [...(flags.o ?? []), 'BatchMode=yes'] } : flags;
  const connectTo = sftpConnector(options, io, messages);
  const batch = isInteractive ? undefined : batchInput(flags.b ?? '-', io);
  return defer(() => {
    const stdout = new Writer(io.stdout);
    let isDialogue = false;
    const status$ = connectTo(host, (fs) => {
      const session = new SftpSession({ fs, io, messages, verbosity, stdout, isInteractive });
      isDialogue = isInteractive;
      if (isInteractive) messages.notice(`connected to ${escapeText(name)}`);
      const line$ =
        batch === undefined
          ? typedLines(io, (line) => completion(session, line))
          : toByteStream(batch).pipe(splitLines());
      return runLines(session, line$);
    });
    // within a dialogue the key is for what runs there
    const interrupted$ = fromEvent(process, 'SIGINT').pipe(
      filter(() => !isDialogue),
      map(() => INTERRUPTED_STATUS),
    );
    return merge(status$, interrupted$).pipe(take(1), whenWritten(stdout));
  });
}

/** Opened before anything is connected to. */
function batchInput(file: string, io: CliIo): ByteInput {
  if (file === '-') return io.stdin;
  try {
    return createReadStream(file, { fd: openSync(file, 'r') });
  } catch (thrown) {
    throw new UsageError(`-b ${file}: ${messageOf(thrown)}`);
  }
}
