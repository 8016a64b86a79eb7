/** What can be done with a path. */
import { catchError, defer, map, mergeMap, type Observable, of, throwError } from 'rxjs';
import { isSshError, protocolError } from '../../errors.ts';
import type { FileAttributes } from '../attributes.ts';
import type { ClientSession } from './client-session.ts';
import {
  expandPath,
  hardlink,
  homeDirectory,
  lsetstat,
  posixRename,
  statvfs,
  type StatvfsReply,
  usersGroupsById,
} from '../extensions.ts';
import { type FileName, fileName, joinPath, type Path, pathBytes, pathText } from '../file-name.ts';
import type { UserGroupNames } from '../server/file-system.ts';
import type { SftpPacket } from '../packets.ts';
import { ask, command, extended, type Operation, unsupported } from './requests.ts';
import { checkedSize } from '../sizes.ts';
import { StatusCode } from '../status.ts';
import { LINKING, RENAMING } from './version.ts';

/** A time: a date, or seconds since 1970. SFTP keeps whole seconds. */
export type FileTime = Date | number;

/**
 * The operations on paths of an SFTP client. Each is a cold Observable: nothing is sent before subscription, and unsubscribing
 * lets the answer come to nobody. Those that set something emit nothing and complete. Each errors with `sftp` when the server
 * refuses, with `timeout`, `released`, or with what ended the session. A relative path begins where the server starts, which
 * usually is the home directory.
 */
export class PathOperations {
  /** @internal */
  protected readonly session: ClientSession;

  /** @internal */
  constructor(session: ClientSession) {
    this.session = session;
  }

  /** Emits what the server says of a file; of what a symbolic link leads to. */
  stat(path: Path): Observable<FileAttributes> {
    return this.#attributes('stat', 'STAT', path);
  }

  /** Emits what the server says of a file; of a symbolic link itself. */
  lstat(path: Path): Observable<FileAttributes> {
    return this.#attributes('lstat', 'LSTAT', path);
  }

  /** Emits whether there is something by this name; of what a symbolic link leads to. */
  exists(path: Path): Observable<boolean> {
    return this.stat(path).pipe(
      map(() => true),
      catchError((error: unknown) => {
        const isMissing =
          isSshError(error, 'sftp') && error.detail.status === StatusCode.NO_SUCH_FILE;
        return isMissing ? of(false) : throwError(() => error);
      }),
    );
  }

  /** Sets what is given; follows symbolic links. */
  setstat(path: Path, attributes: FileAttributes): Observable<never> {
    return this.#command({ name: 'setstat', path }, (id) => ({
      type: 'SETSTAT',
      id,
      path: pathBytes(path),
      attributes,
    }));
  }

  /** Sets what is given, of a symbolic link itself (lsetstat@openssh.com). Errors with `unsupported` where there is none. */
  lsetstat(path: Path, attributes: FileAttributes): Observable<never> {
    return defer(() => {
      const packet = extended(this.session, lsetstat, { path: pathBytes(path), attributes });
      return command(this.session, { name: 'lsetstat', path }, packet);
    });
  }

  /** Sets permissions: `0o644`. */
  chmod(path: Path, permissions: number): Observable<never> {
    return this.setstat(path, { permissions });
  }

  /** Sets owner and group by their numbers. */
  chown(path: Path, uid: number, gid: number): Observable<never> {
    return this.setstat(path, { uid, gid });
  }

  /** Sets the times of the last access and the last change. */
  utimes(path: Path, atime: FileTime, mtime: FileTime): Observable<never> {
    return this.setstat(path, { atime: seconds(atime), mtime: seconds(mtime) });
  }

  /** Cuts or lengthens a file to `size` bytes. */
  truncate(path: Path, size = 0): Observable<never> {
    return defer(() => this.setstat(path, { size: checkedSize(size) }));
  }

  /** Removes a file or a symbolic link. */
  remove(path: Path): Observable<never> {
    return this.#command({ name: 'remove', path }, (id) => ({
      type: 'REMOVE',
      id,
      path: pathBytes(path),
    }));
  }

  /** Makes a folder. */
  mkdir(path: Path, options: { readonly mode?: number } = {}): Observable<never> {
    const attributes = options.mode === undefined ? {} : { permissions: options.mode };
    return this.#command({ name: 'mkdir', path }, (id) => ({
      type: 'MKDIR',
      id,
      path: pathBytes(path),
      attributes,
    }));
  }

  /** Removes an empty folder. */
  rmdir(path: Path): Observable<never> {
    return this.#command({ name: 'rmdir', path }, (id) => ({
      type: 'RMDIR',
      id,
      path: pathBytes(path),
    }));
  }

  /** Renames; most servers refuse when there is something by the new name: see {@link posixRename}. */
  rename(oldPath: Path, newPath: Path): Observable<never> {
    return defer(() => {
      this.#needVersion(RENAMING, 'rename');
      return this.#command({ name: 'rename', path: oldPath }, (id) => ({
        type: 'RENAME',
        id,
        oldPath: pathBytes(oldPath),
        newPath: pathBytes(newPath),
      }));
    });
  }

  /**
   * Renames, and replaces what is there by the new name in one step (posix-rename@openssh.com). Errors with `unsupported` where
   * there is none.
   */
  posixRename(oldPath: Path, newPath: Path): Observable<never> {
    return defer(() => {
      const paths = { oldPath: pathBytes(oldPath), newPath: pathBytes(newPath) };
      const packet = extended(this.session, posixRename, paths);
      return command(this.session, { name: 'rename', path: oldPath }, packet);
    });
  }

  /** Makes a second name for a file (hardlink@openssh.com). Errors with `unsupported` where there is none. */
  hardlink(existing: Path, link: Path): Observable<never> {
    return defer(() => {
      const paths = { oldPath: pathBytes(existing), newPath: pathBytes(link) };
      const packet = extended(this.session, hardlink, paths);
      return command(this.session, { name: 'hardlink', path: existing }, packet);
    });
  }

  /**
   * Makes a symbolic link.
   *
   * @param target - where it leads; relative to the folder of the link
   */
  symlink(target: Path, link: Path): Observable<never> {
    return defer(() => {
      this.#needVersion(LINKING, 'symlink');
      const paths = { target: pathBytes(target), link: pathBytes(link) };
      const told = this.session.draftSymlink ? { target: paths.link, link: paths.target } : paths;
      return this.#command({ name: 'symlink', path: link }, (id) => ({
        type: 'SYMLINK',
        id,
        ...told,
      }));
    });
  }

  /** Emits where a symbolic link leads, as it says. */
  readlink(path: Path): Observable<FileName> {
    return defer(() => {
      this.#needVersion(LINKING, 'readlink');
      return this.#name({ name: 'readlink', path }, (id) => ({
        type: 'READLINK',
        id,
        path: pathBytes(path),
      }));
    });
  }

  /** Emits the absolute path, without symbolic links and dots; what is not there is an error with most servers. */
  realpath(path: Path): Observable<FileName> {
    return this.#name({ name: 'realpath', path }, (id) => ({
      type: 'REALPATH',
      id,
      path: pathBytes(path),
    }));
  }

  /** Like {@link realpath}, and knows `~` and `~user` where the server has expand-path@openssh.com. */
  expandPath(path: Path): Observable<FileName> {
    return defer(() => {
      if (!this.session.supports(expandPath)) return this.#expandTilde(path);
      const packet = extended(this.session, expandPath, { path: pathBytes(path) });
      return this.#name({ name: 'expand-path', path }, packet);
    });
  }

  /**
   * Emits the home directory: one's own, or that of another user (home-directory), which is `unsupported` where there is no such
   * extension.
   */
  homeDirectory(username = ''): Observable<FileName> {
    return defer(() => {
      // OpenSSH knows no empty name
      if (username === '') return this.expandPath('~');
      const packet = extended(this.session, homeDirectory, { username: pathBytes(username) });
      return this.#name({ name: 'home-directory' }, packet);
    });
  }

  /** Emits what the file system has and has left (statvfs@openssh.com). Errors with `unsupported` where there is none. */
  statvfs(path: Path): Observable<StatvfsReply> {
    return defer(() => {
      const packet = extended(this.session, statvfs, { path: pathBytes(path) });
      return ask(this.session, { name: 'statvfs', path }, 'EXTENDED_REPLY', packet);
    }).pipe(map(({ data }) => statvfs.reply.decode(data)));
  }

  /**
   * Emits the names of users and groups by their numbers, empty where there is none (users-groups-by-id@openssh.com). Errors
   * with `unsupported` where there is none.
   */
  usersGroupsById(uids: readonly number[], gids: readonly number[]): Observable<UserGroupNames> {
    return defer(() => {
      const ids = { uids: uids.map((id) => ({ id })), gids: gids.map((id) => ({ id })) };
      const packet = extended(this.session, usersGroupsById, ids);
      return ask(this.session, { name: 'users-groups-by-id' }, 'EXTENDED_REPLY', packet);
    }).pipe(
      map(({ data }) => {
        const { users, groups } = usersGroupsById.reply.decode(data);
        if (users.length !== uids.length || groups.length !== gids.length)
          throw protocolError('users-groups-by-id with another number of names than of ids');
        return { users: users.map(({ name }) => name), groups: groups.map(({ name }) => name) };
      }),
    );
  }

  #attributes(name: string, type: 'STAT' | 'LSTAT', path: Path): Observable<FileAttributes> {
    return ask(this.session, { name, path }, 'ATTRS', (id) => ({
      type,
      id,
      path: pathBytes(path),
    })).pipe(map(({ attributes }) => attributes));
  }

  #command(operation: Operation, packet: (id: number) => SftpPacket): Observable<never> {
    return command(this.session, operation, packet);
  }

  /** One name, and not an empty one; whatever else comes ends the session, as any answer that is none does. */
  #name(operation: Operation, packet: (id: number) => SftpPacket): Observable<FileName> {
    return ask(this.session, operation, 'NAME', packet).pipe(
      map(({ names }) => {
        const [first] = names;
        if (first !== undefined && names.length === 1 && first.filename.length > 0)
          return fileName(first.filename.slice());
        const error = protocolError(
          `${operation.name} with ${String(names.length)} names, or an empty one`,
        );
        this.session.fail(error);
        throw error;
      }),
    );
  }

  #expandTilde(path: Path): Observable<FileName> {
    const text = pathText(path);
    if (!text.startsWith('~')) return this.realpath(path);
    if (text !== '~' && !text.startsWith('~/')) throw unsupported(expandPath.name);
    const rest = pathBytes(path).subarray(2);
    if (rest.length === 0) return this.realpath('.');
    return this.realpath('.').pipe(mergeMap((home) => this.realpath(joinPath(home, rest))));
  }

  #needVersion(version: number, feature: string): void {
    if (this.session.server.version < version) throw unsupported(feature);
  }
}

function seconds(time: FileTime): number {
  return Math.floor(typeof time === 'number' ? time : time.getTime() / 1000);
}
