/** An open file of a server: what its handle can do. */
import { defer, ignoreElements, map, type Observable, toArray } from 'rxjs';
import { type ByteInput, toByteStream } from '../../operators/to-byte-stream.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { ByteSink } from '../../streams/byte-sink.ts';
import { concatBytes } from '../../wire/bytes.ts';
import type { FileAttributes } from '../attributes.ts';
import { fstatvfs, fsync, type StatvfsReply } from '../extensions.ts';
import { fileBytes, type ReadRange } from './file-reader.ts';
import { pumpIntoFile } from './file-writer.ts';
import { isAppending, type OpenMode } from '../open-flags.ts';
import type { SftpPacket } from '../packets.ts';
import type { RemoteHandle } from './remote-handle.ts';
import { ask, command, extended } from './requests.ts';
import { checkedSize } from '../sizes.ts';

/**
 * An open file. It is closed when the subscription to `open` ends, or by `close`; used afterwards, everything errors with
 * `released`. Each operation is a cold Observable and errors with `sftp`, `timeout` or what ended the session.
 */
export class RemoteFile {
  readonly #handle: RemoteHandle;
  readonly #mode: OpenMode;

  /** @internal */
  constructor(handle: RemoteHandle, mode: OpenMode) {
    this.#handle = handle;
    this.#mode = mode;
  }

  /** Has it been closed? */
  get isClosed(): boolean {
    return this.#handle.isClosed;
  }

  /** Emits the `length` bytes from `position` on as one array, which is shorter only where the file ends, and completes. */
  read(position: number, length: number): Observable<Uint8Array> {
    return this.bytes({ start: position, end: position + length }).pipe(
      toArray(),
      map((pieces) => (pieces.length === 1 ? pieces[0] : undefined) ?? concatBytes(pieces)),
    );
  }

  /** Writes all of `data`, from `position` on (at the end, where the file is open to append), and completes. */
  write(position: number, data: Uint8Array | string): Observable<never> {
    return this.sink(position).pump(data).pipe(ignoreElements());
  }

  /** The file, or a part of it, as a stream of bytes with credit: see `SftpClient.read`. The file stays open. */
  bytes(range: ReadRange = {}): ByteStream {
    return fileBytes(this.#handle, range);
  }

  /** Takes a stream of bytes for the file, from `start` on: see `SftpClient.write`. The file stays open. */
  sink(start = 0): ByteSink {
    return {
      pump: (source: ByteInput, options) => {
        const bytes$ = toByteStream(source);
        const position = { start, isAppending: isAppending(this.#mode) };
        return defer(() => pumpIntoFile(this.#handle, bytes$, position, options));
      },
    };
  }

  /**
   * The same, and says when the last bytes are `sent`, which then need not be waited for before the file is closed.
   *
   * @internal
   */
  pump(bytes$: ByteStream, start: number, sent: () => void): Observable<number> {
    return pumpIntoFile(this.#handle, bytes$, { start }, {}, sent);
  }

  /**
   * Takes back what `bytes` has emitted and nobody looks at any more.
   *
   * @internal
   */
  giveBack(chunk: Uint8Array): void {
    this.#handle.session.giveBack(chunk);
  }

  /** Emits what the server says of the file. */
  stat(): Observable<FileAttributes> {
    return ask(this.#handle.session, this.#handle.operation('stat'), 'ATTRS', (id) => ({
      type: 'FSTAT',
      id,
      handle: this.#handle.bytes,
    })).pipe(map(({ attributes }) => attributes));
  }

  /** Sets what is given, and completes. */
  setstat(attributes: FileAttributes): Observable<never> {
    return this.#command('setstat', (id) => ({
      type: 'FSETSTAT',
      id,
      handle: this.#handle.bytes,
      attributes,
    }));
  }

  /** Cuts or lengthens the file to `size` bytes, and completes. */
  truncate(size = 0): Observable<never> {
    return defer(() => this.setstat({ size: checkedSize(size) }));
  }

  /** Completes when what was written is on the disk (fsync@openssh.com). Errors with `unsupported` where there is none. */
  fsync(): Observable<never> {
    return defer(() => {
      const packet = extended(this.#handle.session, fsync, { handle: this.#handle.bytes });
      return this.#command('fsync', packet);
    });
  }

  /** Emits what the file system that the file is on has and has left (fstatvfs@openssh.com). */
  statvfs(): Observable<StatvfsReply> {
    return defer(() => {
      const { session } = this.#handle;
      const packet = extended(session, fstatvfs, { handle: this.#handle.bytes });
      return ask(session, this.#handle.operation('statvfs'), 'EXTENDED_REPLY', packet);
    }).pipe(map(({ data }) => fstatvfs.reply.decode(data)));
  }

  /** Closes the file and completes when the server has: what it could not write it may tell only now. */
  close(): Observable<never> {
    return this.#handle.close();
  }

  #command(name: string, packet: (id: number) => SftpPacket): Observable<never> {
    return command(this.#handle.session, this.#handle.operation(name), packet);
  }
}
