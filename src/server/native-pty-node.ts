/**
 * Where terminals come from. Node cannot make one: `@lydell/node-pty` can, which is loaded when the first is asked for and need
 * not be installed. Of it we take what forks, and none of what it wraps around it: that has no back-pressure for the input, and
 * drops what a slow reader has not read 200 ms after the exit.
 */
import { createRequire } from 'node:module';
import { SshError } from '../errors.ts';
import type { WindowSize } from '../messages/channel-requests.ts';

/** A process that was started on a new terminal, which is its controlling one. */
export interface ForkedPty {
  /** Our side of the terminal; does not block. */
  readonly fd: number;
  readonly pid: number;
  /** Path of its side. */
  readonly pty: string;
}

/** `pty.node` of node-pty 1.1. */
interface NativePty {
  fork(
    ...request: readonly [
      file: string,
      args: readonly string[],
      env: readonly string[],
      cwd: string,
      columns: number,
      rows: number,
      uid: number,
      gid: number,
      isUtf8: boolean,
      helperPath: string,
      exited: (status: number, signal: number) => void,
    ]
  ): ForkedPty;
  resize(fd: number, columns: number, rows: number): void;
}

/** What is to be started. */
export interface ForkRequest {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly size: WindowSize;
}

const PACKAGE = '@lydell/node-pty';
const MAX_SIDE = 0xffff;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
/** User and group: ours. */
const SAME = -1;

/**
 * Are there terminals for processes? Not where `@lydell/node-pty`, an optional dependency, is not installed, or does not know the
 * platform.
 *
 * @example `listen({ …, shell: loginShell(), pty: hasTerminals() })`
 */
export function hasTerminals(): boolean {
  try {
    load();
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws where there are no terminals to be had.
 *
 * @throws SshError `unsupported` where the package is not installed, or does not know the platform
 */
export function checkTerminals(): void {
  load();
}

/**
 * Starts a process on a new terminal.
 *
 * @param exited - called once, later, with the status, and the number of the signal or 0
 * @throws SshError `unsupported` for what no process can be given, and where there are no terminals; what the system says, when
 *   it has none left
 */
export function forkPty(
  { file, args, env, cwd, size }: ForkRequest,
  exited: (status: number, signal: number) => void,
): ForkedPty {
  const { native, helperPath } = load();
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  // what is behind a NUL would be lost on the way: another command would be run
  if ([file, ...args, ...variables, cwd].some((text) => text.includes('\0'))) {
    throw new SshError('unsupported', 'NUL in what a process is given', { feature: 'NUL' });
  }
  const owner = [SAME, SAME] as const;
  return native.fork(
    file,
    args,
    variables,
    cwd,
    ...sides(size),
    ...owner,
    true,
    helperPath,
    exited,
  );
}

/** Tells the terminal its new size. */
export function resizePty(fd: number, size: WindowSize): void {
  load().native.resize(fd, ...sides(size));
}

function load(): { readonly native: NativePty; readonly helperPath: string } {
  const binary = `${PACKAGE}-${process.platform}-${process.arch}`;
  try {
    // the binaries are dependencies of the package, so they are looked for from there
    const inside = createRequire(createRequire(import.meta.url).resolve(PACKAGE));
    return {
      native: inside(`${binary}/pty.node`) as NativePty,
      helperPath: process.platform === 'darwin' ? inside.resolve(`${binary}/spawn-helper`) : '',
    };
  } catch (error) {
    const text = `terminals need the package ${PACKAGE} and its ${binary}, which are not installed`;
    throw new SshError('unsupported', text, { feature: 'terminals' }, { cause: error });
  }
}

/** A client may say anything: 0 is unknown, and a terminal has 16 bits. */
function sides({ columns, rows }: WindowSize): readonly [columns: number, rows: number] {
  return [Math.min(columns || DEFAULT_COLUMNS, MAX_SIDE), Math.min(rows || DEFAULT_ROWS, MAX_SIDE)];
}
