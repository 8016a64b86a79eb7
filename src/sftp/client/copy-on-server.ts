/** Copying within the server (copy-data), in parts: one long request would leave every other one waiting, and nothing to see. */
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  mergeMap,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import { isSshError } from '../../errors.ts';
import { copyData } from '../extensions.ts';
import type { RemoteHandle } from './remote-handle.ts';
import { ask, command, extended } from './requests.ts';
import { StatusCode } from '../status.ts';

/** Bytes that one request copies. */
const PART = 64 * 1024 * 1024;

/** Copies an open file into another one. Emits the bytes copied so far, as far as they are known, and completes. */
export function copyOnServer(source: RemoteHandle, target: RemoteHandle): Observable<number> {
  const { session } = source;
  const size$ = ask(session, source.operation('copy'), 'ATTRS', (id) => ({
    type: 'FSTAT',
    id,
    handle: source.bytes,
  }));
  return size$.pipe(
    mergeMap(({ attributes }) => copyFrom(source, target, 0, attributes.size ?? 0)),
  );
}

/** The size says only how many parts there may be: the last request copies up to the end, wherever that is. */
function copyFrom(
  source: RemoteHandle,
  target: RemoteHandle,
  position: number,
  size: number,
): Observable<number> {
  const next = position + PART;
  if (next >= size) return concat(copyPart(source, target, position, 0), of(size));
  return defer(() => {
    let isOver = false;
    const part$ = copyPart(source, target, position, PART).pipe(
      catchError((error: unknown) => {
        if (!isSshError(error, 'sftp') || error.detail.status !== StatusCode.EOF)
          return throwError(() => error);
        isOver = true;
        return EMPTY;
      }),
    );
    return concat(
      part$,
      defer(() => (isOver ? EMPTY : of(next))),
    ).pipe(concatMap((copied) => concat(of(copied), copyFrom(source, target, next, size))));
  });
}

function copyPart(
  source: RemoteHandle,
  target: RemoteHandle,
  position: number,
  length: number,
): Observable<never> {
  return defer(() => {
    const packet = extended(source.session, copyData, {
      readHandle: source.bytes,
      readOffset: BigInt(position),
      readLength: BigInt(length),
      writeHandle: target.bytes,
      writeOffset: BigInt(position),
    });
    return command(source.session, source.operation('copy'), packet);
  });
}
