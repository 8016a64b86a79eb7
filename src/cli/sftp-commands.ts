/** The commands of `rxssh sftp`, by their names. */
import { defer, EMPTY, type Observable } from 'rxjs';
import { LOCAL_COMMANDS } from './sftp-commands-local.ts';
import { REMOTE_COMMANDS } from './sftp-commands-remote.ts';
import { TRANSFER_COMMANDS } from './sftp-commands-transfer.ts';
import { type CommandLine, takeOptions } from './sftp-parser.ts';
import type { SftpCommand, SftpSession } from './sftp-session.ts';
import { UsageError } from './usage.ts';

const HELP_WIDTH = 44;

const SESSION_COMMANDS: readonly SftpCommand[] = [
  {
    names: ['progress'],
    usage: '',
    help: 'show the progress of transfers, or no longer',
    words: [0, 0],
    run: (session) =>
      done(() => {
        session.showsProgress = !session.showsProgress;
        session.line(`progress is ${session.showsProgress ? 'shown' : 'not shown'}`);
      }),
  },
  {
    names: ['help', '?'],
    usage: '',
    help: 'show this',
    words: [0, 0],
    run: (session) => done(() => session.line(helpText())),
  },
  {
    names: ['bye', 'quit', 'exit'],
    usage: '',
    help: 'end the session',
    words: [0, 0],
    run: (session) => done(() => (session.isOver = true)),
  },
];

/** All of them, in the order of `help`. */
export const COMMANDS: readonly SftpCommand[] = [
  ...TRANSFER_COMMANDS,
  ...REMOTE_COMMANDS,
  ...LOCAL_COMMANDS,
  ...SESSION_COMMANDS,
];

const BY_NAME = new Map(
  COMMANDS.flatMap((command) => command.names.map((name) => [name, command] as const)),
);

/** The command by this name. */
export function commandNamed(name: string): SftpCommand | undefined {
  return BY_NAME.get(name);
}

/** Runs a line. Cold. Throws a `UsageError` for what is no command, or is given what it does not take. */
export function runCommandLine(
  session: SftpSession,
  { name, words }: CommandLine,
): Observable<unknown> {
  const command = commandNamed(name);
  if (command === undefined)
    throw new UsageError(`${JSON.stringify(name)} is no command; help shows those that are`);
  const args = takeOptions(name, words, command.options ?? '');
  const [least, most] = command.words;
  if (args.words.length < least || args.words.length > most)
    throw new UsageError(`usage: ${name} ${command.usage}`.trimEnd());
  return command.run(session, args);
}

function helpText(): string {
  return COMMANDS.map(({ names: [name = ''], usage, help }) =>
    `${`${name} ${usage}`.padEnd(HELP_WIDTH)} ${help}`.trimEnd(),
  ).join('\n');
}

function done(work: () => void): Observable<never> {
  return defer(() => {
    work();
    return EMPTY;
  });
}
