/** How files are got and put, and what is told of it. */
import type { SchedulerLike } from 'rxjs';
import type { SshError } from '../../errors.ts';
import type { FileName } from '../file-name.ts';
import type { TreeEntry } from '../trees/walk.ts';

/** How files are got and put. */
export interface TransferOptions {
  /** A folder with all that is in it; without it, a folder is an error. */
  readonly recursive?: boolean;
  /** Files of a tree that are under way at a time; 4 by default. */
  readonly concurrency?: number;
  /** Keep permissions (never setuid, setgid or sticky) and times; `false` by default: permissions are those of the source, less the mask. */
  readonly preserve?: boolean;
  /**
   * Go on where an earlier try with `resume` has ended, and leave what is there for the next one when this one ends early. What
   * is there is compared with the source, see `verify`; where it differs, all is transferred. In a tree, files of the same
   * size and time of change are passed over.
   */
  readonly resume?: boolean;
  /**
   * What is compared before a file is resumed: its last 64 KiB (`tail`, the default), or all that is there, which is then read
   * on both sides. A server that writes out of order may leave a gap that only `all` finds.
   */
  readonly verify?: 'tail' | 'all';
  /** Which entries of a tree are transferred; a folder that is not is not entered. */
  readonly filter?: (entry: TreeEntry) => boolean;
  /** Symbolic links of a tree: passed over by default; `follow`: what they lead to; `copy`: links again, wherever they lead. */
  readonly symlinks?: 'skip' | 'follow' | 'copy';
  /** Write under a hidden name beside the file, and rename when it is whole; `true` by default. */
  readonly temporary?: boolean;
  /** Have the bytes on the disk before a file gets its name; `false` by default. */
  readonly fsync?: boolean;
  /** Ask for the size of what was written, and error with `transfer` unless it is that of the source; `false` by default. */
  readonly confirm?: boolean;
  /**
   * What a file or folder of a tree that fails does to the others: `stop`, by default, or `continue`, and it is told as `failed`.
   * The end of the session ends everything.
   */
  readonly onError?: 'stop' | 'continue';
  /** Milliseconds between two events of one file, at the least; 100 by default. */
  readonly progressInterval?: number;
  /** Where time comes from; a clock that nobody sets, by default. */
  readonly scheduler?: SchedulerLike;
  /** Ends the transfer as unsubscribing does, with the error `aborted`. */
  readonly signal?: AbortSignal;
}

/** What happens to one file. `started` and one of `done` and `failed` come for each that is not `skipped`, `running` in between. */
export interface TransferProgress {
  readonly state: 'started' | 'running' | 'done' | 'skipped' | 'failed';
  /** The names below the root of a tree; the last name for a single file. Escape it before it is shown. */
  readonly file: string;
  readonly source: FileName;
  readonly target: FileName;
  /** Bytes that are there, those of an earlier try included. */
  readonly bytes: number;
  /** What the source has said that its size is; at the end, `bytes` is what it was. */
  readonly total: number | undefined;
  /** Bytes a second, since this file was started. */
  readonly rate: number;
  /** Bytes of an earlier try that were kept. */
  readonly resumed: number;
  /** Not SFTP, which the server does not have; see `SshClient.get`. */
  readonly protocol?: 'scp';
  /** Why it was `skipped`. */
  readonly reason?: SkipReason;
  /** Why it `failed`, or what is wrong with a name. */
  readonly error?: SshError;
}

/** Why an entry of a tree is passed over. */
export type SkipReason =
  /** A name that cannot be one on the other side, or anywhere: `error` says more. */
  | 'name'
  /** A symbolic link, unless `symlinks` says what to do with it. */
  | 'symlink'
  /** A device, a FIFO, a socket. */
  | 'type'
  /** The same is there already; only with `resume`. */
  | 'same';
