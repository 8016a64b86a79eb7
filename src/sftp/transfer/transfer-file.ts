/** One file, from one side to the other. */
import { catchError, concat, defer, map, mergeMap, type Observable, throwError } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import type { FileName } from '../file-name.ts';
import { resumePosition } from './resume-position.ts';
import type { SourceFile, TargetFile, TransferFiles } from './transfer-files.ts';
import type { TransferOptions } from './transfer-options.ts';
import { checkSize } from './transfer-error.ts';
import { whileOpen } from './while-open.ts';

/** What is transferred, and where. */
export interface FileTransfer {
  readonly from: Pick<TransferFiles, 'openSource'>;
  readonly source: FileName;
  /** What is known of the source. */
  readonly attributes: FileAttributes;
  readonly followSymlinks: boolean;
  readonly to: Pick<TransferFiles, 'openTarget'>;
  readonly target: FileName;
}

/** How far it is. */
export interface FileProgress {
  readonly resumed: number;
  readonly bytes: number;
}

/** Bits of a mode that are ever passed on: setuid, setgid and sticky are not (SC3). */
const MODE_BITS = 0o777;

/** Transfers a file. Emits how far it is, and completes when it is whole and has its name. */
export function transferFile(
  transfer: FileTransfer,
  options: TransferOptions,
): Observable<FileProgress> {
  const { from, source, attributes, followSymlinks, to, target } = transfer;
  const { temporary = true, resume = false } = options;
  const mode = modeOf(attributes);
  const targetOptions = { temporary, resume, ...(mode === undefined ? {} : { mode }) };
  return whileOpen(from.openSource(source, attributes, followSymlinks), (sourceFile) =>
    whileOpen(to.openTarget(target, targetOptions), (targetFile) =>
      copyBytes(sourceFile, targetFile, transfer, options),
    ),
  );
}

function copyBytes(
  source: SourceFile,
  target: TargetFile,
  { attributes, source: path }: FileTransfer,
  options: TransferOptions,
): Observable<FileProgress> {
  const { size } = attributes;
  let bytes = 0;
  const copyFrom = (resumed: number): Observable<FileProgress> => {
    bytes = resumed;
    const expected = size === undefined ? {} : { expected: size };
    const bytes$ = source.bytes({ start: resumed, ...expected });
    return target
      .write(bytes$, resumed, (chunk) => source.giveBack?.(chunk))
      .pipe(
        map((taken) => {
          bytes = resumed + taken;
          return { resumed, bytes };
        }),
      );
  };
  const copied$ =
    target.kept === 0
      ? copyFrom(0)
      : resumePosition(source, target, options.verify).pipe(mergeMap(copyFrom));
  const finished$ = defer(() => {
    if (options.confirm === true) checkSize(path, bytes, size);
    return target.finish({
      fsync: options.fsync ?? false,
      ...(options.preserve === true ? { attributes: preserved(attributes) } : {}),
      ...(options.confirm === true ? { size: bytes } : {}),
    });
  });
  return concat(copied$, finished$).pipe(
    // first of all: with the error the connection may end
    catchError((error: unknown) =>
      concat(
        target.discard(),
        throwError(() => error),
      ),
    ),
  );
}

/** Permissions for a new file or folder. */
export function modeOf({ permissions }: FileAttributes): number | undefined {
  return permissions === undefined ? undefined : permissions & MODE_BITS;
}

/** What `preserve` keeps. */
export function preserved(attributes: FileAttributes): FileAttributes {
  const { atime, mtime } = attributes;
  const mode = modeOf(attributes);
  return {
    ...(mode === undefined ? {} : { permissions: mode }),
    ...(mtime === undefined ? {} : { atime: atime ?? mtime, mtime }),
  };
}
