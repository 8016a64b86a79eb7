/** SFTP for a server: a subsystem handler over any file system (draft-ietf-secsh-filexfer-02, version 3). */
import { type MonoTypeOperatorFunction, Observable, tap } from 'rxjs';
import { defaultProvider } from '#crypto';
import { deliver, holdCredit } from '../../operators/credit.ts';
import { drain } from '../../operators/drain.ts';
import { lift } from '../../operators/lift.ts';
import type { Verdict } from '../../operators/take-verdict.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { ByteSink } from '../../streams/byte-sink.ts';
import type { SftpFileSystem } from './file-system.ts';
import { type Path, pathBytes } from '../file-name.ts';
import type { SftpOperation } from './permission.ts';
import { giveRoom, takeRoom } from '../packet-rooms.ts';
import { RequestLoad } from './request-load.ts';
import { SftpServerSession } from './server-session.ts';
import { sftpFrame } from '../sftp-frame.ts';
import { hasDraftSymlink } from '../symlink-order.ts';
import { virtualPath } from './virtual-path.ts';

/** What SFTP runs over: the session of a server, or any two byte streams. */
export interface SftpServerChannel {
  /** What the client sends. */
  readonly stdin$: ByteStream;
  /** Takes what is sent to the client. */
  readonly stdout: ByteSink;
  /** Who is at the other end; see `SftpServerOptions.draftSymlink`. */
  readonly connection?: {
    readonly handshake: { readonly peerIdentification: string } | undefined;
  };
  /** Takes back a chunk of `stdin$` that nobody looks at any more, where its memory can be used again. */
  giveBack?(chunk: Uint8Array): void;
}

/** How `sftpServer` serves. */
export interface SftpServerOptions<S = SftpServerChannel> {
  /** Refuses whatever would change something, in front of the file system. */
  readonly readOnly?: boolean;
  /** The virtual path at which relative paths begin; the root unless said otherwise. */
  readonly startFolder?: Path;
  /**
   * Asked before each operation on a path, and before those on an open file that reading and writing do not cover
   * (`fsetstat`, `statvfs`, `copy-data`). Anything but `true` is PERMISSION_DENIED.
   */
  readonly permit?: (operation: SftpOperation, session: S) => Verdict<boolean>;
  /**
   * Clients send SYMLINK as the draft has it (draft-ietf-secsh-filexfer-02 §6.10), the link before its target. Unless said otherwise
   * only AsyncSSH's do; OpenSSH has it the other way round, and so has nearly everyone.
   */
  readonly draftSymlink?: boolean;
  /** A client has begun to speak SFTP. */
  readonly onStart?: (session: S) => void;
  /** Its session is over and its files are closed. Not called for a session that never began. */
  readonly onEnd?: (session: S) => void;
  /** What a file system has thrown that the client is only told FAILURE of. */
  readonly onError?: (error: unknown, operation: SftpOperation, session: S) => void;
  readonly limits?: {
    /** Files and folders that one session may have open; 256 unless said otherwise. */
    readonly handles?: number;
    /** Requests of one session that may be at work; 64 unless said otherwise. */
    readonly requests?: number;
  };
}

const WRITE = 6;
const DEFAULT_HANDLES = 256;
const DEFAULT_REQUESTS = 64;

/**
 * A handler for the subsystem `sftp`.
 *
 * 1. Serves all requests of version 3, and the extensions of OpenSSH that the file system has functions for.
 * 2. Requests for one file, or for one above or below it, are done in the order in which they came, others side by side; see
 *    `SftpFile.takesParallelWrites`.
 * 3. Beyond `limits.requests`, or 2 MiB of them, the channel is not read on; an answer counts until the client has taken it.
 *    Files are read at most 1 MiB ahead of the client.
 * 4. Emits the exit status 0 when the client has said EOF and everything is answered. Errors with `protocol` for what is no
 *    SFTP; the client then gets status 255.
 * 5. At its end, by whatever cause, work is unsubscribed from and every file closed.
 *
 * @param fileSystem - what is served, or a function that gives each session its own; a throw refuses the subsystem
 * @param options - what is permitted, limits, and who hears of sessions
 * @example
 * ```ts
 * const sftp = sftpServer(nodeFileSystem({ root: '/srv/files' }), { readOnly: true });
 * listen({ port: 2200, hostKeys: [key], authenticate, subsystems: { sftp } }).subscribe();
 * ```
 */
export function sftpServer<S extends SftpServerChannel>(
  fileSystem: SftpFileSystem | ((session: S) => SftpFileSystem),
  options: SftpServerOptions<S> = {},
): (session: S) => Observable<number> {
  const { readOnly = false, startFolder = '/', limits = {}, permit } = options;
  const maximumRequests = limits.requests ?? DEFAULT_REQUESTS;
  const start = virtualPath(pathBytes(startFolder));
  return (channel) => {
    const served = typeof fileSystem === 'function' ? fileSystem(channel) : fileSystem;
    return new Observable((subscriber) => {
      let hasStarted = false;
      const identification = channel.connection?.handshake?.peerIdentification ?? '';
      const session = new SftpServerSession({
        fileSystem: served,
        readOnly,
        startFolder: start,
        provider: defaultProvider,
        maxHandles: limits.handles ?? DEFAULT_HANDLES,
        draftSymlink: options.draftSymlink ?? hasDraftSymlink(identification),
        permit: permit === undefined ? undefined : (operation) => permit(operation, channel),
        started: () => {
          hasStarted = true;
          options.onStart?.(channel);
        },
        failed: (error, operation) => options.onError?.(error, operation, channel),
      });
      const load = new RequestLoad(maximumRequests);
      const answers$ = channel.stdin$.pipe(
        load.gate(),
        sftpFrame({ room: takeRoom, done: (chunk) => channel.giveBack?.(chunk) }),
        tap((packet) => load.begin(packet.length)),
        drain(
          (packet) =>
            session.answer(packet).pipe(
              untilTaken({
                answered: () => giveBack(packet),
                over: () => load.end(packet.length),
              }),
            ),
          { concurrency: maximumRequests },
        ),
      );
      const sending = channel.stdout.pump(answers$).subscribe({
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          subscriber.next(0);
          subscriber.complete();
        },
      });
      subscriber.add(sending);
      subscriber.add(() => {
        session.close();
        if (hasStarted) options.onEnd?.(channel);
      });
    });
  };
}

/** Of other packets a file system may keep parts; one that is left in the middle may still be written from. */
function giveBack(packet: Uint8Array): void {
  if (packet[0] === WRITE) giveRoom(packet);
}

/** What becomes of a request when its answer is there, and when the client has it or nobody wants it any more. */
interface RequestEnd {
  answered(): void;
  over(): void;
}

/** Completes when its values are acknowledged: a request is at work until the client has taken its answer. */
function untilTaken<T>(end: RequestEnd): MonoTypeOperatorFunction<T> {
  return lift((out) => {
    let pending = 1;
    const settle = (): void => {
      pending--;
      if (pending === 0) out.complete();
    };
    return {
      next(value) {
        const release = holdCredit();
        pending++;
        deliver(out, value, () => {
          release();
          settle();
        });
      },
      complete() {
        end.answered();
        settle();
      },
      teardown() {
        end.over();
      },
    };
  });
}
