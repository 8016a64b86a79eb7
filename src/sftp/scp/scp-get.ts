/** Gets files and trees from `scp -f`. */
import { lastValueFrom, Observable, of, tap } from 'rxjs';
import { asSshError } from '../../streams/ending.ts';
import { fromPull } from '../../operators/from-pull.ts';
import { fileName, type FileName, joinPath } from '../file-name.ts';
import { isDirectory, typeBits } from '../file-type.ts';
import {
  type RunScp,
  type ScpChannel,
  ScpDialogue,
  type ScpEntry,
  scpWords,
} from './scp-client.ts';
import { lastName } from '../trees/entry-name.ts';
import { isMissing } from '../trees/missing.ts';
import { DEEPEST, tooDeep } from '../trees/walk.ts';
import { transferError } from '../transfer/transfer-error.ts';
import { modeOf, preserved } from '../transfer/transfer-file.ts';
import type { TransferFiles } from '../transfer/transfer-files.ts';
import type { TransferOptions, TransferProgress } from '../transfer/transfer-options.ts';
import { progressOf, type ToldFile } from '../transfer/transfer-progress.ts';
import { whileOpen } from '../transfer/while-open.ts';

type RecordOf<T extends ScpEntry['type']> = Extract<ScpEntry, { readonly type: T }>;

const OWNER_RIGHTS = 0o700;
const SLASH = 0x2f;

/**
 * Gets a file, or with `recursive` a folder, from a server that has scp; events and options as with `SftpClient.get`, of which
 * `filter`, `resume`, `concurrency` and `symlinks` are not scp's: links are followed by the server.
 */
export function scpGet(
  run: RunScp,
  source: FileName,
  to: TransferFiles,
  target: FileName,
  options: TransferOptions,
): Observable<TransferProgress> {
  return whileOpen(run(scpWords('-f', options, source.text)), (channel) =>
    new ScpGet(channel, source, to, options).run(target),
  );
}

/** A folder that is being filled. */
interface Level {
  readonly target: FileName;
  readonly relative: FileName | undefined;
  readonly mode: number;
  readonly times: RecordOf<'times'> | undefined;
}

class ScpGet {
  readonly #dialogue: ScpDialogue;
  readonly #source: FileName;
  readonly #to: TransferFiles;
  readonly #options: TransferOptions;
  readonly #levels: Level[] = [];
  #times: RecordOf<'times'> | undefined;
  #isDone = false;

  constructor(channel: ScpChannel, source: FileName, to: TransferFiles, options: TransferOptions) {
    this.#dialogue = new ScpDialogue(channel, source);
    this.#source = source;
    this.#to = to;
    this.#options = options;
  }

  run(target: FileName): Observable<TransferProgress> {
    return new Observable((out) => {
      const tell = (event: TransferProgress): void => {
        if (!out.closed) out.next(event);
      };
      this.#receive(target, tell, () => out.closed).then(
        () => out.complete(),
        (error: unknown) => {
          if (!out.closed) out.error(asSshError(error));
        },
      );
      return () => void this.#dialogue.input.close();
    });
  }

  async #receive(
    target: FileName,
    tell: (event: TransferProgress) => void,
    isOver: () => boolean,
  ): Promise<void> {
    await this.#dialogue.ok();
    for (;;) {
      const record = await this.#dialogue.record();
      if (isOver()) return;
      if (record === undefined) break;
      // one thing was asked for
      if (this.#isDone) throw this.#dialogue.unexpected(record);
      if (record.type === 'times') this.#times = record;
      else if (record.type === 'file') await this.#takeFile(record, target, tell);
      else if (record.type === 'folder') await this.#enter(record, target);
      else await this.#leave(record);
      this.#isDone = this.#levels.length === 0 && record.type !== 'times';
      if (record.type !== 'file') await this.#dialogue.ok();
    }
    if (!this.#isDone) throw this.#dialogue.endedEarly();
  }

  async #takeFile(
    record: RecordOf<'file'>,
    target: FileName,
    tell: (event: TransferProgress) => void,
  ): Promise<void> {
    const place = await this.#placeOf(record.name, target, true);
    const { mtime, atime } = this.#takeTimes() ?? {};
    const times = mtime === undefined || atime === undefined ? {} : { mtime, atime };
    const bytes$ = fromPull(this.#dialogue.file(record.size));
    const from = { openSource: () => of({ bytes: () => bytes$ }) };
    const file: ToldFile = {
      from,
      to: this.#to,
      ...place,
      followSymlinks: false,
      attributes: { size: record.size, permissions: record.mode | typeBits('file'), ...times },
    };
    await this.#dialogue.ok();
    const { temporary, preserve, fsync, confirm, progressInterval, scheduler } = this.#options;
    const known = { temporary, preserve, fsync, confirm, progressInterval, scheduler };
    const options = Object.fromEntries(
      Object.entries(known).filter(([, value]) => value !== undefined),
    ) as TransferOptions;
    await lastValueFrom(progressOf(file, options).pipe(tap(tell)));
    await this.#dialogue.ok();
  }

  async #enter(record: RecordOf<'folder'>, root: FileName): Promise<void> {
    if (this.#options.recursive !== true) throw this.#dialogue.unexpected(record);
    const { target, file } = await this.#placeOf(record.name, root, false);
    if (this.#levels.length >= DEEPEST) throw tooDeep(target);
    const mode = modeOf({ permissions: record.mode }) ?? 0;
    const isRoot = this.#levels.length === 0;
    const made$ = this.#to.makeFolder(target, {
      mode: mode | OWNER_RIGHTS,
      followSymlinks: isRoot,
    });
    await lastValueFrom(made$, { defaultValue: undefined });
    const relative = isRoot ? undefined : fileName(new TextEncoder().encode(file));
    this.#levels.push({ target, relative, mode, times: this.#takeTimes() });
  }

  async #leave(record: RecordOf<'end-of-folder'>): Promise<void> {
    const level = this.#levels.pop();
    if (level === undefined) throw this.#dialogue.unexpected(record);
    if (this.#options.preserve !== true) return;
    const attributes = preserved({ permissions: level.mode, ...level.times });
    const isRoot = this.#levels.length === 0;
    await lastValueFrom(this.#to.setAttributes(level.target, attributes, isRoot), {
      defaultValue: undefined,
    });
  }

  #takeTimes(): RecordOf<'times'> | undefined {
    const times = this.#times;
    this.#times = undefined;
    return times;
  }

  /** What was asked for has the name that it shall have here, whatever the server calls it; what is in it has its own. */
  async #placeOf(
    name: Uint8Array,
    target: FileName,
    isFile: boolean,
  ): Promise<{ readonly source: FileName; readonly target: FileName; readonly file: string }> {
    const level = this.#levels.at(-1);
    if (level === undefined) {
      const own = fileName(lastName(this.#source));
      const isInside = target.bytes.at(-1) === SLASH || (isFile && (await this.#isFolder(target)));
      const inside = isInside ? joinPath(target, this.#checked(own)) : target;
      return { source: this.#source, target: inside, file: own.text };
    }
    const child = this.#checked(fileName(name));
    const relative = level.relative === undefined ? child : joinPath(level.relative, child);
    const source = joinPath(this.#source, relative);
    return { source, target: joinPath(level.target, child), file: relative.text };
  }

  #checked(name: FileName): FileName {
    const problem = name.bytes.length === 0 ? 'an empty name' : this.#to.nameProblem(name);
    if (problem !== undefined) throw transferError('name', name, problem);
    return name;
  }

  async #isFolder(path: FileName): Promise<boolean> {
    try {
      return isDirectory(await lastValueFrom(this.#to.stat(path)));
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw thrown;
    }
  }
}
