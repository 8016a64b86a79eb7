/** One SFTP session of a server: reads requests, brings them into order, has them done, and gives the packets of the answers. */
import { catchError, defer, EMPTY, ignoreElements, map, merge, Observable, of } from 'rxjs';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { isSshError, protocolError } from '../../errors.ts';
import { readUint32, utf8Bytes } from '../../wire/bytes.ts';
import { type FileName, fileName } from '../file-name.ts';
import type { SftpFileSystem } from './file-system.ts';
import { type Permit, type SftpOperation, whenPermitted } from './permission.ts';
import { encodePacket, type PacketOf, readRequest, SFTP_VERSION } from '../packets.ts';
import { ReadAhead } from './read-ahead.ts';
import { type Claim, RequestOrder } from './request-order.ts';
import { type Answer, isExplained, status, statusOf } from './server-answers.ts';
import { EXTENSION_OPERATIONS, SERVED_EXTENSIONS } from './server-extensions.ts';
import { type OpenHandle, ServerHandles } from './server-handles.ts';
import { closeHandle, type Operation, OPERATIONS } from './server-operations.ts';
import { statusError, StatusCode } from '../status.ts';
import { virtualPath } from './virtual-path.ts';

/** What a session needs. */
export interface ServerSessionOptions {
  readonly fileSystem: SftpFileSystem;
  readonly readOnly: boolean;
  readonly startFolder: Uint8Array;
  readonly maxHandles: number;
  readonly provider: Pick<CryptoProvider, 'randomBytes'>;
  readonly permit: Permit | undefined;
  /** SYMLINK names the link first. */
  readonly draftSymlink: boolean;
  /** INIT was answered. */
  started(): void;
  /** Something has failed that no status tells the client about. */
  failed(error: unknown, operation: SftpOperation): void;
}

/** A request that was read: what to do, and with what. */
interface ReadRequest {
  readonly id: number;
  readonly operation: Operation<never>;
  readonly value: never;
}

/** Type and id of a packet. */
const LEAST_REQUEST = 5;

/** Answers the requests of one client. */
export class SftpServerSession {
  readonly #options: ServerSessionOptions;
  readonly #handles: ServerHandles;
  readonly #order = new RequestOrder();
  readonly #ahead = new ReadAhead();
  #isStarted = false;

  constructor(options: ServerSessionOptions) {
    this.#options = options;
    this.#handles = new ServerHandles(options.maxHandles, options.provider);
  }

  /**
   * The answer to a packet, whole. Ask in the order of arrival. Errors with `protocol` for what cannot be answered: the
   * session is over then.
   */
  answer(packet: Uint8Array): Observable<Uint8Array> {
    return defer(() => {
      if (!this.#isStarted) return of(this.#start(packet));
      if (packet.length < LEAST_REQUEST) throw protocolError('an SFTP packet without an id');
      const id = readUint32(packet, 1);
      return this.#answer(packet, id).pipe(map((answer) => whole(answer, id)));
    });
  }

  /** Closes what is open. */
  close(): void {
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- nobody is left who could end it
    merge(...this.#handles.takeAll().map((opened) => this.#closed(opened))).subscribe();
  }

  #closed(opened: OpenHandle): Observable<never> {
    return closeHandle(opened).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        this.#options.failed(error, { name: 'close', changes: false, paths: [opened.path] });
        return EMPTY;
      }),
    );
  }

  #start(packet: Uint8Array): Uint8Array {
    const request = readRequest(packet);
    if (request?.type !== 'INIT') throw protocolError('SFTP without INIT');
    this.#isStarted = true;
    const { fileSystem } = this.#options;
    const extensions = SERVED_EXTENSIONS.filter((served) => isOffered(served, fileSystem)).map(
      ({ extension: { name, version } }) => ({ name, data: utf8Bytes(version) }),
    );
    this.#options.started();
    const version = Math.min(request.version, SFTP_VERSION);
    return encodePacket({ type: 'VERSION', version, extensions });
  }

  #answer(packet: Uint8Array, id: number): Observable<Answer | Uint8Array> {
    const request = readOrStatus(packet, id, this.#options.draftSymlink);
    if ('type' in request) return of(request);
    const { fileSystem } = this.#options;
    if (!isOffered(request.operation, fileSystem)) return of(status(StatusCode.OP_UNSUPPORTED));
    let facts: SftpOperation | undefined;
    return defer(() => {
      const paths = this.#paths(request);
      const handles = this.#opened(request);
      facts = this.#facts(request, paths, handles);
      if (facts.changes && this.#options.readOnly)
        throw statusError(StatusCode.PERMISSION_DENIED, facts.name, { message: 'Read-only' });
      const claim = {
        changes: facts.changes,
        handles,
        paths: facts.paths.map(({ bytes }) => bytes),
        range: request.operation.range?.(request.value, handles[0]),
      };
      return this.#inOrder(claim, this.#permitted(request, facts, paths));
    }).pipe(
      catchError((error: unknown) => {
        if (facts !== undefined && !isExplained(error)) this.#options.failed(error, facts);
        return of(statusOf(error));
      }),
    );
  }

  #paths({ operation, value }: ReadRequest): FileName[] {
    const { startFolder } = this.#options;
    const paths = operation.paths?.(value) ?? [];
    return paths.map((path) => fileName(virtualPath(path, startFolder)));
  }

  #opened({ operation, value }: ReadRequest): OpenHandle[] {
    const handles = operation.handles?.(value) ?? [];
    return handles.map((handle) => {
      const opened = this.#handles.find(handle);
      if (opened === undefined)
        throw statusError(StatusCode.FAILURE, 'handle', { message: 'No such handle' });
      return opened;
    });
  }

  #facts(
    { operation, value }: ReadRequest,
    paths: readonly FileName[],
    handles: readonly OpenHandle[],
  ): SftpOperation {
    return {
      name: operation.name,
      changes: operation.changes?.(value) ?? false,
      paths: [...paths, ...handles.map(({ path }) => path)],
    };
  }

  /** Waits for the requests before it that are about the same. */
  #inOrder<T>(claim: Claim, work: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      const leave = this.#order.enter(claim, () => subscriber.add(work.subscribe(subscriber)));
      subscriber.add(leave);
    });
  }

  #permitted(
    request: ReadRequest,
    facts: SftpOperation,
    paths: readonly FileName[],
  ): Observable<Answer | Uint8Array> {
    const { permit } = this.#options;
    const work$ = defer(() => this.#run(request, paths));
    if (permit === undefined || request.operation.isCovered === true) return work$;
    return whenPermitted(permit, facts, () => work$);
  }

  #run(request: ReadRequest, paths: readonly FileName[]): Observable<Answer | Uint8Array> {
    const { fileSystem, startFolder } = this.#options;
    const { id, operation, value } = request;
    // looked up once more: what came before may have closed it
    const opened = this.#opened(request);
    const handles = this.#handles;
    const ahead = this.#ahead;
    return operation.run(value, { id, fileSystem, handles, ahead, startFolder, paths, opened });
  }
}

function readOrStatus(packet: Uint8Array, id: number, draftSymlink: boolean): ReadRequest | Answer {
  try {
    return readOperation(packet, id, draftSymlink) ?? status(StatusCode.OP_UNSUPPORTED);
  } catch (thrown) {
    if (isSshError(thrown, 'protocol') && packet[0] !== INIT) return statusOf(thrown);
    throw thrown;
  }
}

const INIT = 1;

function readOperation(
  packet: Uint8Array,
  id: number,
  draftSymlink: boolean,
): ReadRequest | undefined {
  const request = readRequest(packet);
  if (request === undefined) return undefined;
  if (request.type === 'INIT') throw protocolError('a second INIT');
  if (request.type !== 'EXTENDED') {
    const operation = OPERATIONS[request.type] as unknown as Operation<never>;
    const isTurned = draftSymlink && request.type === 'SYMLINK';
    return { id, operation, value: (isTurned ? turned(request) : request) as never };
  }
  const served = EXTENSION_OPERATIONS.get(request.request);
  if (served === undefined) return undefined;
  return { id, operation: served, value: served.extension.request.decode(request.data) as never };
}

/** As OpenSSH's clients would have sent it. */
function turned({ id, target, link }: PacketOf<'SYMLINK'>): PacketOf<'SYMLINK'> {
  return { type: 'SYMLINK', id, target: link, link: target };
}

function isOffered({ needs }: Operation<never>, fileSystem: SftpFileSystem): boolean {
  if (needs === undefined) return true;
  const has: Readonly<Partial<Record<keyof SftpFileSystem, unknown>>> = fileSystem;
  return Boolean(has[needs]);
}

function whole(answer: Answer | Uint8Array, id: number): Uint8Array {
  if (answer instanceof Uint8Array) return answer;
  return encodePacket({ ...answer, id });
}
