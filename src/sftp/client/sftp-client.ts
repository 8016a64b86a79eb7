/** The SFTP client: files as streams, on top of the operations on paths. */
import { concat, defer, forkJoin, ignoreElements, map, mergeMap, type Observable } from 'rxjs';
import { SshError } from '../../errors.ts';
import { splitLines, type SplitLinesOptions } from '../../operators/split-lines.ts';
import { type ByteInput, toByteStream } from '../../operators/to-byte-stream.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { ByteSink } from '../../streams/byte-sink.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { ClientSession } from './client-session.ts';
import { collectBytes, type CollectBytesOptions } from './collect-bytes.ts';
import { copyOnServer } from './copy-on-server.ts';
import { type FileEntry, folderEntries } from './directory-reader.ts';
import { copyData } from '../extensions.ts';
import { fileName, type Path, pathBytes } from '../file-name.ts';
import { fileBytes, type ReadRange } from './file-reader.ts';
import { pumpIntoFile } from './file-writer.ts';
import type { SftpLimits } from './limits.ts';
import { isAppending, openFlags, type OpenMode } from '../open-flags.ts';
import { PathOperations } from './path-operations.ts';
import { RemoteFile } from './remote-file.ts';
import { openHandle, type RemoteHandle, withHandle } from './remote-handle.ts';
import type { LocalFiles } from '../transfer/local-files.ts';
import { RemoteFiles } from '../transfer/remote-files.ts';
import { transfer } from '../transfer/transfer.ts';
import type { TransferOptions, TransferProgress } from '../transfer/transfer-options.ts';
import { type DiskUsage, diskUsage } from '../trees/disk-usage.ts';
import { globFiles, type GlobMatch } from '../trees/glob.ts';
import { makeFolders, type MakeFoldersOptions } from '../trees/make-folders.ts';
import { removeAll } from '../trees/remove-all.ts';
import { type TreeEntry, walkTree, type WalkOptions } from '../trees/walk.ts';

/** How a file is opened. */
export interface OpenOptions {
  /** Permissions of a file that is made by it: `0o644`. The server's own default without it. */
  readonly mode?: number;
}

/** How a file is written. */
export interface WriteOptions extends OpenOptions {
  /** `w` by default: the file is made, or emptied. */
  readonly flags?: OpenMode;
  /** Position of the first byte; 0 by default. To write into a file that is there, say `flags: 'r+'`. */
  readonly start?: number;
}

/** Which lines are read, and how. */
export interface ReadLinesOptions extends ReadRange, SplitLinesOptions {}

/**
 * An SFTP session with a server: what `client.sftp()` emits. It lives as long as that subscription; any number of operations
 * may run side by side.
 *
 * @example
 * ```ts
 * db1$.pipe(sftp((fs) => fs.list('/var/log'))).subscribe(({ name, attributes }) => console.log(name.text, attributes.size));
 * ```
 */
export class SftpClient extends PathOperations {
  readonly #localFiles: LocalFiles | undefined;

  /** @internal */
  constructor(session: ClientSession, localFiles?: LocalFiles) {
    super(session);
    this.#localFiles = localFiles;
  }

  /** Emits how the session ended, once. Replayed. */
  get closed$(): Observable<SshError> {
    return this.session.closed$;
  }

  /** The version that the server speaks: 3, or less. */
  get version(): number {
    return this.session.server.version;
  }

  /** The server's extensions by name, and what it says of each. */
  get extensions(): ReadonlyMap<string, string> {
    return this.session.server.extensions;
  }

  /** How much one request may carry (limits@openssh.com). */
  get limits(): SftpLimits {
    return this.session.limits;
  }

  /**
   * Opens a file. Emits it once and stays open; unsubscribing closes the file. Completes when the file was closed with its
   * `close`. Errors with `sftp`, `timeout`, `config`, or what ends the session.
   *
   * @example
   * ```ts
   * fs.open('/srv/table', 'r+').pipe(mergeMap((file) => concat(file.write(4096, row), file.fsync(), file.close())));
   * ```
   */
  open(path: Path, flags: OpenMode = 'r', options: OpenOptions = {}): Observable<RemoteFile> {
    return this.#open(path, flags, options).pipe(map((handle) => new RemoteFile(handle, flags)));
  }

  /**
   * The bytes of a file, or of a part of it.
   *
   * 1. Cold: opens the file, reads it and closes it.
   * 2. Many READs are on their way at a time, as many as the way is long; the bytes come in order. They carry credit: a
   *    consumer that holds it (`drain`, `sink.pump`, `toNodeReadable`) stops new requests, so what waits is bounded.
   * 3. Ends where the server says that the file ends, whatever its size was said to be; a file that grows or shrinks meanwhile
   *    ends where it does when the end is read. A range that begins behind the end is empty.
   * 4. An error waits behind the bytes before it: `sftp`, `timeout`, or what ended the session.
   * 5. Unsubscribing closes the file; answers on their way are dropped.
   *
   * @example
   * ```ts
   * fs.read('/var/log/app.log', { start: 1_000_000 }).pipe(splitLines(), drain((line) => index(line)));
   * ```
   */
  read(path: Path, range: ReadRange = {}): ByteStream {
    return withHandle(this.#open(path, 'r'), (handle) => fileBytes(handle, range));
  }

  /**
   * Takes a stream of bytes for a file.
   *
   * 1. Each `pump` opens the file, writes, and closes it. Emits how many bytes were taken from the source so far.
   * 2. Completes when the server has confirmed every byte and has closed the file.
   * 3. WRITEs are as large as the server takes, leave in the order of the file, many at a time; a chunk's credit is held until
   *    its last byte was taken.
   * 4. Errors with the first refusal of the server (`sftp`), `timeout`, what the source errors with, or what ended the session;
   *    the file is then closed and keeps what was written so far.
   * 5. Unsubscribing stops the source and closes the file.
   *
   * @example
   * ```ts
   * fs.write('/srv/dump.sql').pump(db1$.pipe(exec('pg_dump app'), stdout())).subscribe((bytes) => progress(bytes));
   * ```
   */
  write(path: Path, { flags = 'w', start = 0, ...options }: WriteOptions = {}): ByteSink {
    return {
      pump: (source: ByteInput, pumpOptions) => {
        const bytes$ = toByteStream(source);
        return defer(() => {
          const position = { start, isAppending: isAppending(flags) };
          return withHandle(
            this.#open(path, flags, options),
            (handle) => pumpIntoFile(handle, bytes$, position, pumpOptions),
            true,
          );
        });
      },
    };
  }

  /** Emits the whole of a file, or of a part of it, as one array. Errors with `overflow` past `maxBytes`. */
  readFile(path: Path, options: ReadRange & CollectBytesOptions = {}): Observable<Uint8Array> {
    return this.read(path, options).pipe(collectBytes(options));
  }

  /** Writes a file from bytes, text or a stream of them, and completes when the server has it all; see {@link write}. */
  writeFile(path: Path, data: ByteInput, options: WriteOptions = {}): Observable<never> {
    return this.write(path, options).pump(data).pipe(ignoreElements());
  }

  /** The same at the end of a file, which is made if it is not there. */
  appendFile(path: Path, data: ByteInput, options: OpenOptions = {}): Observable<never> {
    return this.writeFile(path, data, { ...options, flags: 'a' });
  }

  /** The lines of a file; see `splitLines`. */
  lines(path: Path, options: ReadLinesOptions = {}): Observable<string> {
    return this.read(path, options).pipe(splitLines(options));
  }

  /**
   * The entries of a folder, as a stream with credit: the server is asked for more when those before are done with, and
   * `take(10)` closes the folder after ten. Without `.` and `..`, in the server's order.
   */
  list(path: Path): Observable<FileEntry> {
    const operation = { name: 'list', path };
    const handle$ = openHandle(this.session, operation, (id) => ({
      type: 'OPENDIR',
      id,
      path: pathBytes(path),
    }));
    return withHandle(handle$, folderEntries);
  }

  /**
   * Copies a file, within the server where it can (copy-data), else through the client. Emits the bytes copied so far and
   * completes. Errors with `config` for a copy of a file onto itself, which would empty it; that a hard link is the
   * same file no server tells.
   */
  copy(from: Path, to: Path, options: OpenOptions = {}): Observable<number> {
    return concat(this.#checkDistinct(from, to), this.#copy(from, to, options));
  }

  /** What is there by the new name is emptied once there is something to copy, and not before. */
  #copy(from: Path, to: Path, options: OpenOptions): Observable<number> {
    return withHandle(this.#open(from, 'r'), (source) => {
      if (!this.session.supports(copyData))
        return this.write(to, options).pump(fileBytes(source, {}));
      return withHandle(
        this.#open(to, 'w', options),
        (target) => copyOnServer(source, target),
        true,
      );
    });
  }

  #checkDistinct(from: Path, to: Path): Observable<never> {
    return this.exists(to).pipe(
      mergeMap((exists) => (exists ? forkJoin([this.realpath(from), this.realpath(to)]) : [])),
      map(([source, target]) => {
        if (equalBytes(source.bytes, target.bytes))
          throw new SshError('config', 'a file cannot be copied onto itself', { option: 'to' });
      }),
      ignoreElements(),
    );
  }

  /**
   * The entries of a tree, depth first: each folder before what is in it, in the server's order, as a stream with credit.
   *
   * 1. Symbolic links are told and not followed, unless `followSymlinks`; a link that leads back up is never followed.
   * 2. Folders deeper than `maxDepth` are told and not entered; a tree of more than 64 levels is an `overflow` error.
   * 3. A name that cannot be one (`..`, or with a slash in it) is a `protocol` error, and never part of a path.
   * 4. Unsubscribing closes all folders that are open, one for each level.
   *
   * @example
   * ```ts
   * fs.walk('/srv/www').pipe(filter(({ attributes }) => isFile(attributes))).subscribe(({ relative }) => console.log(relative.text));
   * ```
   */
  walk(root: Path, options: WalkOptions = {}): Observable<TreeEntry<FileEntry>> {
    return walkTree(this, root, options);
  }

  /**
   * The files whose paths a pattern stands for, sorted, each with its path and attributes: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`,
   * and `**` for any number of folders; a backslash takes the next character as it is. Names that begin with a dot want a
   * pattern that does. Emits nothing where nothing matches. Errors with `overflow` past 100 000 matches.
   *
   * @example `fs.glob('/var/log/app-*.{log,err}')`
   */
  glob(pattern: string): Observable<GlobMatch> {
    return globFiles(this, pattern);
  }

  /** Emits how much there is in a tree, once. Symbolic links are counted as themselves. */
  du(root: Path): Observable<DiskUsage> {
    return diskUsage(this, root);
  }

  /** Makes a folder, and those above it that are missing. Completes also where there is one already. */
  mkdirp(path: Path, options: MakeFoldersOptions = {}): Observable<never> {
    return makeFolders(this, path, options);
  }

  /**
   * Removes a file, or a folder with all that is in it, and completes; also where there is nothing. Symbolic links are removed
   * and never followed. The root, an empty path and one with `..` in it are a `config` error. (SFTP cannot hold a folder while
   * it is emptied: on a server where others may replace a folder by a link meanwhile, what the link leads to is emptied.)
   */
  removeAll(path: Path): Observable<never> {
    return removeAll(this, path);
  }

  /**
   * Gets a file, or with `recursive` a folder and all that is in it.
   *
   * 1. Emits `started` and `done` for each file, `running` in between at a bounded rate, `skipped` for what is passed over, and
   *    completes when everything is whole. The events carry no credit.
   * 2. `local` is what the file, or the folder, shall be called here; a path that ends with a slash, and for a file one of a
   *    folder that is there, takes it by its own name.
   * 3. A file is written under a hidden name beside its own and renamed when it is whole: what is there by that name, a symbolic
   *    link too, is replaced in one step or not at all. What did not become whole is removed, unless `resume` keeps it.
   * 4. The file ends where the server says, not where its size does: `bytes` and `total` of `done` tell when they differ, and
   *    `confirm` makes that an error.
   * 5. Names of the server that lead elsewhere are `skipped` (`name`), symbolic links and devices too. Nothing is written through
   *    a symbolic link below `local`. Setuid, setgid and sticky bits are never kept, owners neither.
   * 6. Errors with `sftp`, with `transfer` (a local file, a size), `unsupported` where there are no local files (a browser without
   *    the option `localFiles`), or what ended the session. Unsubscribing stops, and closes what is open on both sides.
   *
   * @example
   * ```ts
   * fs.get('/var/log/app.log', 'app.log').subscribe(({ bytes, total }) => progress(bytes, total));
   * ```
   */
  get(remote: Path, local: string, options: TransferOptions = {}): Observable<TransferProgress> {
    return defer(() => {
      const to = this.#localFilesOrThrow();
      const source = fileName(pathBytes(remote));
      return transfer(
        { from: new RemoteFiles(this), source, to, target: to.path(local) },
        { scheduler: this.session.scheduler, ...options },
      );
    });
  }

  /**
   * Puts a file, or with `recursive` a folder and all that is in it; as {@link get}, the other way round. What is there is
   * replaced in one step where the server has posix-rename@openssh.com; elsewhere it is removed just before the new file gets its
   * name, or written in place where the server cannot rename (before version 2). A part file stays behind when the connection is
   * lost. Where new files are not allowed beside the old one, say `temporary: false`.
   *
   * @example
   * ```ts
   * fs.put('dist', '/srv/www', { recursive: true, preserve: true, confirm: true });
   * ```
   */
  put(local: string, remote: Path, options: TransferOptions = {}): Observable<TransferProgress> {
    return defer(() => {
      const from = this.#localFilesOrThrow();
      const target = fileName(pathBytes(remote));
      return transfer(
        { from, source: from.path(local), to: new RemoteFiles(this), target },
        { scheduler: this.session.scheduler, ...options },
      );
    });
  }

  #localFilesOrThrow(): LocalFiles {
    if (this.#localFiles !== undefined) return this.#localFiles;
    const message = 'there are no local files here: give `localFiles`, or use `read` and `write`';
    throw new SshError('unsupported', message, { feature: 'local files' });
  }

  #open(path: Path, mode: OpenMode, options: OpenOptions = {}): Observable<RemoteHandle> {
    const attributes = options.mode === undefined ? {} : { permissions: options.mode };
    return openHandle(this.session, { name: 'open', path }, (id) => ({
      type: 'OPEN',
      id,
      path: pathBytes(path),
      flags: openFlags(mode),
      attributes,
    }));
  }
}
