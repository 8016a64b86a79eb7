/** Puts files and trees into `scp -t`. */
import {
  concat,
  defer,
  EMPTY,
  from as fromPromise,
  ignoreElements,
  map,
  mergeMap,
  Observable,
  of,
} from 'rxjs';
import { drain } from '../../operators/drain.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { FileAttributes } from '../attributes.ts';
import { fileName, type FileName, type Path, pathBytes } from '../file-name.ts';
import { fileType, isDirectory } from '../file-type.ts';
import { type RunScp, type ScpChannel, ScpDialogue, scpWords } from './scp-client.ts';
import { SCP_OK } from './scp-protocol.ts';
import { entryNameProblem, lastName, parentPath, withoutSlashes } from '../trees/entry-name.ts';
import { type TreeEntry, walkTree } from '../trees/walk.ts';
import { checkSize, transferError } from '../transfer/transfer-error.ts';
import { modeOf } from '../transfer/transfer-file.ts';
import type { TargetFile, TransferFiles } from '../transfer/transfer-files.ts';
import type { TransferOptions, TransferProgress } from '../transfer/transfer-options.ts';
import { progressOf, type ToldFile, told } from '../transfer/transfer-progress.ts';
import { whileOpen } from '../transfer/while-open.ts';

const SLASH = 0x2f;
const DEFAULT_MODE = 0o644;

/**
 * Puts a file, or with `recursive` a folder, to a server that has scp; events and options as with `SftpClient.put`, of which
 * `resume`, `concurrency`, `temporary`, `fsync` and `confirm` are not scp's: a file is written under its own name.
 */
export function scpPut(
  run: RunScp,
  from: TransferFiles,
  source: FileName,
  target: FileName,
  options: TransferOptions,
): Observable<TransferProgress> {
  return from.stat(source).pipe(
    mergeMap((attributes) => {
      if (!isDirectory(attributes)) return putFile(run, from, source, target, attributes, options);
      if (options.recursive === true)
        return putTree(run, from, source, target, attributes, options);
      throw transferError('type', source, 'is a folder, and `recursive` (-r) was not asked for');
    }),
  );
}

function putFile(
  run: RunScp,
  from: TransferFiles,
  source: FileName,
  target: FileName,
  attributes: FileAttributes,
  options: TransferOptions,
): Observable<TransferProgress> {
  if (!['file', 'unknown'].includes(fileType(attributes)))
    throw transferError('type', source, 'is no file');
  const name = fileName(lastName(source));
  const place = { from, source, target, attributes, file: name.text, followSymlinks: true };
  return whileOpen(
    run(scpWords('-t', { ...options, recursive: false }, target.text)),
    (channel) => {
      const put = new ScpPut(channel, target, options);
      return concat(put.begin(), put.file(place, name));
    },
  );
}

/** The folder is made in the one above it, by the name that it shall have: what is in it comes beside what is there. */
function putTree(
  run: RunScp,
  from: TransferFiles,
  source: FileName,
  target: FileName,
  attributes: FileAttributes,
  options: TransferOptions,
): Observable<TransferProgress> {
  const isInside = target.bytes.at(-1) === SLASH;
  const name = fileName(lastName(isInside ? source : target));
  const problem = entryNameProblem(name);
  if (problem !== undefined) throw transferError('name', isInside ? source : target, problem);
  const above: Path = isInside ? withoutSlashes(target.bytes) : (parentPath(target.bytes) ?? '.');
  const parent = fileName(pathBytes(above));
  const root = parent.bytes.length === 0 ? '/' : parent.text;
  const { symlinks, filter } = options;
  const followSymlinks = symlinks === 'follow';
  const entries$ = walkTree(from, source, { followSymlinks });
  return whileOpen(run(scpWords('-t', options, root)), (channel) => {
    const put = new ScpPut(channel, target, options);
    return concat(
      put.begin(),
      put.enter(name, attributes),
      entries$.pipe(
        drain((entry) => {
          const mayPut = filter?.(entry) ?? true;
          const relative = entry.relative.text;
          const place = { from, source: entry.path, target, attributes: entry.attributes };
          return mayPut ? put.entry(entry, { ...place, file: relative, followSymlinks }) : EMPTY;
        }),
      ),
      put.leaveTo(0),
    );
  });
}

type Place = Omit<ToldFile, 'to'>;

class ScpPut {
  readonly #dialogue: ScpDialogue;
  readonly #options: TransferOptions;
  #depth = 0;

  constructor(channel: ScpChannel, path: FileName, options: TransferOptions) {
    this.#dialogue = new ScpDialogue(channel, path);
    this.#options = options;
  }

  /** The other side says that it is there. */
  begin(): Observable<never> {
    return task(() => this.#dialogue.begun());
  }

  entry(entry: TreeEntry, place: Place): Observable<TransferProgress> {
    const to = this.#target(entry.name, entry.attributes);
    switch (fileType(entry.attributes)) {
      case 'directory':
        return concat(this.leaveTo(entry.depth), this.enter(entry.name, entry.attributes));
      case 'file':
        return concat(this.leaveTo(entry.depth), this.file(place, entry.name));
      case 'symbolic-link':
        return of(told({ ...place, to }, 'skipped', { bytes: 0, reason: 'symlink' }));
      default:
        return of(told({ ...place, to }, 'skipped', { bytes: 0, reason: 'type' }));
    }
  }

  file(place: Place, name: FileName): Observable<TransferProgress> {
    const { preserve, progressInterval, scheduler } = this.#options;
    const options = {
      ...(progressInterval === undefined ? {} : { progressInterval }),
      ...(scheduler === undefined ? {} : { scheduler }),
    };
    const times$ = preserve === true ? this.#times(place.attributes) : EMPTY;
    return concat(
      times$,
      progressOf({ ...place, to: this.#target(name, place.attributes) }, options),
    );
  }

  enter(name: FileName, attributes: FileAttributes): Observable<never> {
    const mode = modeOf(attributes) ?? 0o755;
    const times$ = this.#options.preserve === true ? this.#times(attributes) : EMPTY;
    const enter$ = task(async () => {
      await this.#dialogue.tell({ type: 'folder', mode, name: name.bytes });
      this.#depth++;
    });
    return concat(times$, enter$);
  }

  /** Leaves folders until that many are open. */
  leaveTo(depth: number): Observable<never> {
    return task(async () => {
      for (; this.#depth > depth; this.#depth--)
        await this.#dialogue.tell({ type: 'end-of-folder' });
    });
  }

  #times({ mtime = 0, atime = mtime }: FileAttributes): Observable<never> {
    return task(() => this.#dialogue.tell({ type: 'times', mtime, atime }));
  }

  /** Where the bytes of one file go. */
  #target(name: FileName, attributes: FileAttributes): Pick<TransferFiles, 'openTarget'> {
    const { size = 0 } = attributes;
    const mode = modeOf(attributes) ?? DEFAULT_MODE;
    const dialogue = this.#dialogue;
    const target: TargetFile = {
      kept: 0,
      bytes: () => EMPTY,
      write: (bytes$) => {
        let sent = 0;
        return concat(
          task(() => dialogue.tell({ type: 'file', mode, size, name: name.bytes })),
          dialogue.pump(exactly(bytes$, size)).pipe(map((bytes) => (sent = bytes))),
          task(async () => {
            checkSize(name, sent, size);
            await dialogue.send(SCP_OK);
            await dialogue.taken();
          }),
        );
      },
      finish: () => EMPTY,
      discard: () => EMPTY,
    };
    // it stays open until its bytes are there
    return { openTarget: () => new Observable((out) => out.next(target)) };
  }
}

/** No more than was said: a file that grows meanwhile is what it was. */
function exactly(bytes$: ByteStream, size: number): ByteStream {
  return new Observable((out) => {
    let left = size;
    if (left === 0) {
      out.complete();
      return;
    }
    out.add(
      bytes$.subscribe({
        next: (bytes) => {
          const part = bytes.subarray(0, left);
          left -= part.length;
          out.next(part);
          if (left === 0) out.complete();
        },
        error: (error: unknown) => out.error(error),
        complete: () => out.complete(),
      }),
    );
  });
}

function task(work: () => Promise<void>): Observable<never> {
  return defer(() => fromPromise(work())).pipe(ignoreElements());
}
