/** Opening and reading: the operations of a server that are more than a call. */
import {
  defaultIfEmpty,
  defer,
  finalize,
  ignoreElements,
  map,
  Observable,
  of,
  share,
  type Subscriber,
  switchMap,
} from 'rxjs';
import { deliver } from '../../operators/credit.ts';
import { fromInput } from '../../operators/from-input.ts';
import { lift } from '../../operators/lift.ts';
import type { FileAttributes } from '../attributes.ts';
import type { ReadAhead } from './read-ahead.ts';
import { ServerDirectory } from './server-directory.ts';
import type { OpenFlags, SftpFile } from './file-system.ts';
import { nth, type OperationContext } from './operation-context.ts';
import { DATA_HEAD, dataHead, LARGEST_DATA } from '../packets.ts';
import { giveRoom, takeRoom } from '../packet-rooms.ts';
import { type Answer, done, first, status } from './server-answers.ts';
import type { OpenHandle } from './server-handles.ts';
import { statusError, StatusCode } from '../status.ts';

/** OPEN. */
export function openFile(
  flags: OpenFlags,
  attributes: FileAttributes,
  { fileSystem, handles, paths }: OperationContext,
): Observable<Answer> {
  const path = nth(paths, 0);
  const free = handles.reserve();
  return claimed(first(() => fileSystem.open(path, flags, attributes))).pipe(
    map((file): Answer => {
      free();
      const handle = handles.add({ type: 'file', path, file, isAppending: flags.append });
      return { type: 'HANDLE', handle };
    }),
    finalize(free),
  );
}

/** Opening cannot be called back: a file that arrives when nobody waits for it any more is closed. */
function claimed(opened: Observable<SftpFile>): Observable<SftpFile> {
  return defer(() => {
    let isWanted = true;
    return opened.pipe(
      switchMap((file) => (isWanted ? of(file) : done(() => file.close()).pipe(ignoreElements()))),
      share({ resetOnRefCountZero: false }),
      finalize(() => (isWanted = false)),
    );
  });
}

/** OPENDIR. */
export function openDirectory({
  fileSystem,
  handles,
  paths,
}: OperationContext): Observable<Answer> {
  const path = nth(paths, 0);
  return new Observable((subscriber) => {
    const free = handles.reserve();
    const directory = new ServerDirectory(fromInput(fileSystem.opendir?.(path) ?? []));
    let isOpen = false;
    subscriber.add(() => {
      free();
      if (!isOpen) directory.close();
    });
    const opened = directory.opened().subscribe({
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        isOpen = true;
        free();
        const handle = handles.add({ type: 'directory', path, directory });
        subscriber.next({ type: 'HANDLE', handle });
        subscriber.complete();
      },
    });
    subscriber.add(opened);
  });
}

/** READDIR. */
export function readNames(opened: OpenHandle | undefined): Observable<Answer> {
  if (opened?.type !== 'directory')
    throw statusError(StatusCode.FAILURE, 'handle', { message: 'Not a directory' });
  return opened.directory.next().pipe(
    map((names): Answer => ({ type: 'NAME', names })),
    defaultIfEmpty(status(StatusCode.EOF)),
  );
}

/** READ, when it is its turn. */
export function readData(
  id: number,
  file: SftpFile,
  position: number,
  length: number,
  ahead: ReadAhead,
): Observable<Answer | Uint8Array> {
  const size = Math.min(length, LARGEST_DATA, Number.MAX_SAFE_INTEGER - position);
  return ahead.turn(size).pipe(switchMap((taken) => readAnswer(id, file, position, size, taken)));
}

/** The answer is put together where the file has read to. */
function readAnswer(
  id: number,
  file: SftpFile,
  position: number,
  size: number,
  taken: () => void,
): Observable<Answer | Uint8Array> {
  const buffer = takeRoom(DATA_HEAD + size);
  const into = buffer.subarray(DATA_HEAD, DATA_HEAD + size);
  return first(() => file.read(into, position)).pipe(
    lift((out: Subscriber<Answer | Uint8Array>) => {
      let isWithClient = false;
      return {
        next(count) {
          checkCount(count, size);
          if (count === 0) {
            giveRoom(buffer);
            out.next(status(StatusCode.EOF));
            return;
          }
          buffer.set(dataHead(id, count));
          isWithClient = true;
          deliver(out, buffer.subarray(0, DATA_HEAD + count), () => {
            giveRoom(buffer);
            taken();
          });
        },
        // the memory of what has failed is left alone: it may be written to yet
        teardown() {
          if (!isWithClient) taken();
        },
      };
    }),
  );
}

/** What lies behind the bytes that were read is somebody else's. */
function checkCount(count: number, size: number): void {
  if (!Number.isInteger(count) || count < 0 || count > size)
    throw new RangeError(`a file has read ${String(count)} bytes into ${String(size)}`);
}
