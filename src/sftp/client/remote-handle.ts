/** Handles that a server has given for a file or a folder: each is closed once, whatever happens. */
import { concat, defer, EMPTY, mergeMap, Observable, tap } from 'rxjs';
import { SshError } from '../../errors.ts';
import type { PacketOf, SftpPacket } from '../packets.ts';
import { ask, command, type Operation } from './requests.ts';
import type { ClientSession } from './client-session.ts';

/** An open handle. */
export class RemoteHandle {
  readonly session: ClientSession;
  /** Path that it was opened by, for errors. */
  readonly path: Operation['path'];
  readonly #bytes: Uint8Array;
  readonly #closed: () => void;
  #isClosed = false;

  constructor(
    session: ClientSession,
    path: Operation['path'],
    bytes: Uint8Array,
    closed: () => void,
  ) {
    this.session = session;
    this.path = path;
    this.#bytes = bytes;
    this.#closed = closed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What the server calls it. Throws `released` when it is closed. */
  get bytes(): Uint8Array {
    if (this.#isClosed)
      throw new SshError('released', 'the file is closed', { what: 'file handle' });
    return this.#bytes;
  }

  /** An operation on it, as errors tell it. */
  operation(name: string): Operation {
    return this.path === undefined ? { name } : { name, path: this.path };
  }

  /** Closes it; completes when the server has. What it could not write it may tell only now. */
  close(): Observable<never> {
    return defer(() => {
      if (this.#isClosed) return EMPTY;
      this.#isClosed = true;
      const close$ = command(this.session, this.operation('close'), (id) => this.#close(id));
      return close$.pipe(tap({ complete: this.#closed }));
    });
  }

  /** Closes it without waiting for an answer. */
  release(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.session.sendQuietly((id) => this.#close(id));
    this.#closed();
  }

  #close(id: number): SftpPacket {
    return { type: 'CLOSE', id, handle: this.#bytes };
  }
}

/**
 * Opens a handle. Emits it, stays open, and completes when the handle is closed; unsubscribing closes it, also when it arrives
 * only then. Errors like `ask`, and with what ends the session.
 */
export function openHandle(
  session: ClientSession,
  operation: Operation,
  packet: (id: number) => SftpPacket,
): Observable<RemoteHandle> {
  return new Observable((out) => {
    let handle: RemoteHandle | undefined;
    const opened = (bytes: Uint8Array): RemoteHandle =>
      new RemoteHandle(session, operation.path, bytes.slice(), () => {
        if (!out.closed) out.complete();
      });
    const late = ({ handle: bytes }: PacketOf<'HANDLE'>): void => opened(bytes).release();
    out.add(() => handle?.release());
    out.add(session.closed$.subscribe((error) => out.error(error)));
    out.add(
      ask(session, operation, 'HANDLE', packet, late).subscribe({
        next: ({ handle: bytes }) => {
          handle = opened(bytes);
          out.next(handle);
        },
        error: (error: unknown) => out.error(error),
      }),
    );
  });
}

/**
 * Opens a handle, works on it, and closes it.
 *
 * @param isWritten - the work is not done before the server has closed it: what it could not write it may tell only then
 */
export function withHandle<T>(
  handle$: Observable<RemoteHandle>,
  work: (handle: RemoteHandle) => Observable<T>,
  isWritten = false,
): Observable<T> {
  return handle$.pipe(
    mergeMap((handle) => {
      const close$ = isWritten
        ? handle.close()
        : defer(() => {
            handle.release();
            return EMPTY;
          });
      return concat(work(handle), close$);
    }),
  );
}
