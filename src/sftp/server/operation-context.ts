/** What the operations of a server work with. */
import type { FileName } from '../file-name.ts';
import type { SftpFile, SftpFileSystem } from './file-system.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { OpenHandle, ServerHandles } from './server-handles.ts';
import { statusError, StatusCode } from '../status.ts';

/** One request, checked. */
export interface OperationContext {
  readonly id: number;
  readonly fileSystem: SftpFileSystem;
  readonly handles: ServerHandles;
  /** How far files are read ahead of the client. */
  readonly ahead: ReadAhead;
  /** Where relative paths begin. */
  readonly startFolder: Uint8Array;
  /** The virtual paths that the request names, in its order. */
  readonly paths: readonly FileName[];
  /** What its handles stand for, in its order. */
  readonly opened: readonly OpenHandle[];
}

/** The file of a handle. Throws FAILURE where it is a folder, or nothing. */
export function fileOf(opened: OpenHandle | undefined): SftpFile {
  if (opened?.type !== 'file')
    throw statusError(StatusCode.FAILURE, 'handle', { message: 'Not a file' });
  return opened.file;
}

/** The path at a place; there is one for each that `Operation.paths` gives. */
export function nth(paths: readonly FileName[], index: number): FileName {
  const path = paths[index];
  if (path === undefined) throw new TypeError('an operation without the path that it names');
  return path;
}
