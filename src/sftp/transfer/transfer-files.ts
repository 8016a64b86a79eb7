/**
 * The two sides of a transfer. Both look alike to it: the files of a server, those of this machine, or of whatever a program
 * keeps them in.
 */
import type { Observable } from 'rxjs';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { FileAttributes } from '../attributes.ts';
import type { FileName } from '../file-name.ts';
import type { ReadRange } from '../client/file-reader.ts';
import type { Tree } from '../trees/walk.ts';

/** The files of one side. Every function is cold; what is not there is an error that `isMissing` knows. */
export interface TransferFiles extends Tree {
  /** Why a name of the other side cannot be one here; `undefined` when it can. Names that are none anywhere are known already. */
  nameProblem(name: FileName): string | undefined;
  /** The target of a symbolic link. */
  readlink(path: FileName): Observable<FileName>;
  /**
   * Makes a folder, and completes also where there is one: a real one, for a symbolic link may lead anywhere, unless
   * `followSymlinks`.
   */
  makeFolder(path: FileName, options: MakeFolderOptions): Observable<never>;
  /** Makes a symbolic link, in place of a file or link by this name. */
  makeLink(target: FileName, path: FileName): Observable<never>;
  /** Sets permissions and times of a folder, where given. */
  setAttributes(
    path: FileName,
    attributes: FileAttributes,
    followSymlinks: boolean,
  ): Observable<never>;
  /**
   * Opens a file to be read. Emits it and stays open; unsubscribing closes it.
   *
   * @param attributes - what is known of it
   * @param followSymlinks - `false` for what was no symbolic link when it was listed
   */
  openSource(
    path: FileName,
    attributes: FileAttributes,
    followSymlinks: boolean,
  ): Observable<SourceFile>;
  /**
   * Opens a file to be written. Emits it and stays open; unsubscribing closes it, and what was not finished is removed, or
   * kept to be resumed.
   */
  openTarget(path: FileName, options: TargetOptions): Observable<TargetFile>;
}

/** How a folder is made. */
export interface MakeFolderOptions {
  readonly mode?: number;
  readonly followSymlinks?: boolean;
}

/** A file that is read. */
export interface SourceFile {
  /** What is in that range, as far as the file goes. */
  bytes(range: ReadRange): ByteStream;
  /** Takes back a chunk that nobody looks at any more, where its memory can be used again. */
  giveBack?(chunk: Uint8Array): void;
}

/** How a file is written. */
export interface TargetOptions {
  /** Permissions of the new file, of which a mask may take some. */
  readonly mode?: number;
  /** Written under another name, and renamed when it is whole. */
  readonly temporary: boolean;
  /** What is left of an earlier try is kept, and what is left of this one. */
  readonly resume: boolean;
}

/** A file that is written. */
export interface TargetFile {
  /** Bytes that are there from an earlier try. */
  readonly kept: number;
  /** What is there. */
  bytes(range: ReadRange): ByteStream;
  /**
   * Writes from a position on, where the file then ends; emits the bytes taken so far, and completes when all are written.
   *
   * @param giveBack - may be told of chunks that were written
   */
  write(
    bytes$: ByteStream,
    start: number,
    giveBack?: (chunk: Uint8Array) => void,
  ): Observable<number>;
  /** Sets attributes, closes the file and gives it its name. Completes when it is there. */
  finish(options: FinishOptions): Observable<never>;
  /** Gives it up: closes it, and removes it unless it is kept to be resumed. Completes when that is done, or cannot be. */
  discard(): Observable<never>;
}

/** What is done with a file that is written. */
export interface FinishOptions {
  /** Permissions and times that it shall have. */
  readonly attributes?: FileAttributes;
  /** The bytes shall be on the disk before the file gets its name. */
  readonly fsync: boolean;
  /** The size that the file shall have; an error of kind `transfer` where it has another. */
  readonly size?: number;
}
