/**
 * What a server serves: a small interface between SFTP and whatever holds the files. Paths arrive absolute and without `.`
 * and `..` (see `virtual-path.ts`), names are bytes, and every function returns something that can be subscribed to, or
 * awaited. What a file system leaves out is neither advertised nor done.
 */
import type { ObservableInput } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import type { StatvfsReply } from '../extensions.ts';
import type { FileName, Path } from '../file-name.ts';

/** How a file is to be opened (draft-ietf-secsh-filexfer-02 §6.3). */
export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  /** Every write goes to the end, whatever its position. */
  readonly append: boolean;
  /** Made when it is not there. */
  readonly create: boolean;
  /** Emptied when it is there. */
  readonly truncate: boolean;
  /** An error when it is there; only with `create`. */
  readonly exclusive: boolean;
}

/**
 * An open file. Requests for one file come one after the other, in the order of the client. `close` comes once, when nothing
 * else is asked for; what the end of a session has left may still be under way.
 */
export interface SftpFile {
  /** Says that writes to different places may be asked for together. */
  readonly takesParallelWrites?: boolean;
  /**
   * Reads into the front of a buffer and emits how many bytes it was; 0 is the end of the file. Fewer than there is room for
   * are allowed anywhere.
   *
   * @param into - the file's until what was returned has settled
   * @param position - in bytes, from the beginning of the file
   */
  read(into: Uint8Array, position: number): ObservableInput<number>;
  /**
   * Writes all of the bytes.
   *
   * @param bytes - the file's until what was returned has settled: copy them to keep them
   * @param position - in bytes; means nothing in a file that was opened to append
   */
  write(bytes: Uint8Array, position: number): ObservableInput<unknown>;
  /** Attributes of the open file. */
  stat(): ObservableInput<FileAttributes>;
  /** Changes what is given; `size` cuts or lengthens. */
  setstat(attributes: FileAttributes): ObservableInput<unknown>;
  /** fsync@openssh.com; only asked of file systems that say `fsync: true`. */
  fsync?(): ObservableInput<unknown>;
  /** Lets go of the file. */
  close(): ObservableInput<unknown>;
}

/** One entry of a folder. */
export interface DirectoryEntry {
  readonly name: Path;
  /** Of the entry itself: of a symbolic link, not of what it leads to. */
  readonly attributes: FileAttributes;
  /** A line as `ls -l` shows it; made of name and attributes unless given. */
  readonly longname?: string;
}

/**
 * The files of a server. What is thrown or errors becomes a status: that of an `SshError` of kind `sftp`; `NO_SUCH_FILE`
 * for the system errors ENOENT, ENOTDIR and ELOOP; `PERMISSION_DENIED` for EACCES, EPERM and EROFS; `FAILURE` for anything
 * else, without its text. A function is done when what it returns completes; where a value is wanted, the first one counts.
 * Unsubscribing means that nobody waits for the answer any more.
 */
export interface SftpFileSystem {
  /**
   * Opens a file, and makes it when the flags say so.
   *
   * @param attributes - for a file that is made: `permissions` above all
   */
  open(path: FileName, flags: OpenFlags, attributes: FileAttributes): ObservableInput<SftpFile>;
  /**
   * The entries of a folder, without `.` and `..`. Asked for at the client's pace: from an iterable one at a time, from
   * an Observable with credit. The client is told that the folder is open at the first entry, or the end.
   */
  opendir?(path: FileName): ObservableInput<DirectoryEntry>;
  /** Follows symbolic links. */
  stat(path: FileName): ObservableInput<FileAttributes>;
  /** Does not follow a symbolic link; `stat` where there are none. */
  lstat?(path: FileName): ObservableInput<FileAttributes>;
  /** Changes what is given; follows symbolic links. */
  setstat?(path: FileName, attributes: FileAttributes): ObservableInput<unknown>;
  /** lsetstat@openssh.com: of a symbolic link itself. */
  lsetstat?(path: FileName, attributes: FileAttributes): ObservableInput<unknown>;
  /** Makes one folder; fails when there is something by its name. */
  mkdir?(path: FileName, attributes: FileAttributes): ObservableInput<unknown>;
  /** Of an empty folder. */
  rmdir?(path: FileName): ObservableInput<unknown>;
  /** Removes a file or a symbolic link. */
  remove?(path: FileName): ObservableInput<unknown>;
  /** Fails when there is something by the new name. */
  rename?(from: FileName, to: FileName): ObservableInput<unknown>;
  /** posix-rename@openssh.com: replaces what is there by the new name, in one step. */
  posixRename?(from: FileName, to: FileName): ObservableInput<unknown>;
  /** hardlink@openssh.com. */
  hardlink?(existing: FileName, link: FileName): ObservableInput<unknown>;
  /**
   * Makes a symbolic link.
   *
   * @param target - as the client has given it: it may be relative to the link's folder, and lead nowhere
   */
  symlink?(target: FileName, link: FileName): ObservableInput<unknown>;
  /** The target of a symbolic link. */
  readlink?(path: FileName): ObservableInput<Path>;
  /** Resolves symbolic links; the path as it is unless there is one. What is not there is no error. */
  realpath?(path: FileName): ObservableInput<Path>;
  /** statvfs@openssh.com, and fstatvfs@openssh.com by the path of the open file. */
  statvfs?(path: FileName): ObservableInput<StatvfsReply>;
  /**
   * home-directory and expand-path@openssh.com.
   *
   * @param user - a name; empty for the one who has logged in
   */
  homeDirectory?(user: string): ObservableInput<Path>;
  /** users-groups-by-id@openssh.com: names, empty for ids without one. */
  usersGroupsById?(
    uids: readonly number[],
    gids: readonly number[],
  ): ObservableInput<UserGroupNames>;
  /** Have its files `fsync`? */
  readonly fsync?: boolean;
}

/** Names of users and groups, in the order of the ids that were asked for. */
export interface UserGroupNames {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}
