/** `scp -t`: takes files and folders from the client, and puts them into a file system. */
import { firstValueFrom, lastValueFrom, type ObservableInput } from 'rxjs';
import { protocolError } from '../../errors.ts';
import type { FileAttributes } from '../attributes.ts';
import { type FileName, joinPath } from '../file-name.ts';
import type { SftpFile, SftpFileSystem } from '../server/file-system.ts';
import { isDirectory } from '../file-type.ts';
import { LARGEST_DATA } from '../packets.ts';
import type { ScpInput } from './scp-input.ts';
import { parseScpRecord, type ScpCommand, type ScpRecord } from './scp-protocol.ts';
import type { ScpOutput } from './scp-output.ts';
import { done, first, given } from '../server/server-answers.ts';

/** Folders in folders, at the most. */
const MOST_DEPTH = 64;
const NEW_FILE = {
  read: false,
  write: true,
  append: false,
  create: true,
  truncate: true,
  exclusive: false,
};

type RecordOf<T extends ScpRecord['type']> = Extract<ScpRecord, { readonly type: T }>;

/** A folder that is being filled. */
interface Level {
  readonly path: FileName;
  readonly times: RecordOf<'times'> | undefined;
}

/** Takes what the client sends. */
export class ScpSink {
  readonly #fileSystem: SftpFileSystem;
  readonly #command: ScpCommand;
  readonly #input: ScpInput;
  readonly #output: ScpOutput;
  /** The folders that the source is in; the target itself is below them. */
  readonly #levels: Level[] = [];
  #times: RecordOf<'times'> | undefined;

  constructor(fileSystem: SftpFileSystem, command: ScpCommand, input: ScpInput, output: ScpOutput) {
    this.#fileSystem = fileSystem;
    this.#command = command;
    this.#input = input;
    this.#output = output;
  }

  /** Runs to the end of what the client sends. */
  async run(target: FileName): Promise<void> {
    const isFolder = await this.#isFolder(target);
    if (this.#command.needsFolder && !isFolder) {
      await this.#output.fail('Not a directory', true);
      return;
    }
    await this.#output.ok();
    for (;;) {
      const line = await this.#input.line();
      if (line === undefined) return;
      const record = parseScpRecord(line);
      if (record.type === 'error') return;
      await this.#take(record, target, isFolder);
    }
  }

  async #take(record: ScpRecord, target: FileName, isFolder: boolean): Promise<void> {
    switch (record.type) {
      case 'times':
        this.#times = record;
        return this.#output.ok();
      case 'file':
        return this.#takeFile(record, this.#placeOf(record.name, target, isFolder));
      case 'folder':
        return this.#enter(record, this.#placeOf(record.name, target, isFolder));
      case 'end-of-folder':
        return this.#leave();
      case 'warning':
      case 'error':
    }
  }

  #placeOf(name: Uint8Array, target: FileName, isFolder: boolean): FileName {
    const level = this.#levels.at(-1);
    if (level !== undefined) return joinPath(level.path, name);
    return isFolder ? joinPath(target, name) : target;
  }

  async #takeFile({ size, mode }: RecordOf<'file'>, path: FileName): Promise<void> {
    const times = this.#takeTimes();
    let file: SftpFile;
    try {
      file = await firstValueFrom(
        first(() => this.#fileSystem.open(path, NEW_FILE, { permissions: mode })),
      );
    } catch (thrown) {
      // the source goes on to its next file
      await this.#output.failed(path, thrown);
      return;
    }
    let failure: { readonly thrown: unknown } | undefined;
    try {
      await this.#output.ok();
      failure = await this.#copy(file, size);
      const attributes = this.#attributes(mode, times);
      if (failure === undefined && attributes !== undefined)
        failure = await caught(() => lastValueFrom(done(() => file.setstat(attributes))));
    } finally {
      failure ??= await caught(() => lastValueFrom(done(() => file.close())));
    }
    const answer = await this.#input.answer();
    if (failure !== undefined) await this.#output.failed(path, failure.thrown);
    else if (answer === undefined) await this.#output.ok();
  }

  /** Takes all that was announced, also when it cannot be written: the next line begins behind it. */
  async #copy(file: SftpFile, size: number): Promise<{ readonly thrown: unknown } | undefined> {
    let failure: { readonly thrown: unknown } | undefined;
    for (let at = 0; at < size;) {
      const bytes = await this.#input.bytes(Math.min(LARGEST_DATA, size - at));
      const position = at;
      failure ??= await caught(() => lastValueFrom(done(() => file.write(bytes, position))));
      at += bytes.length;
    }
    return failure;
  }

  async #enter({ mode }: RecordOf<'folder'>, path: FileName): Promise<void> {
    if (!this.#command.isRecursive) throw protocolError('scp: a folder without -r');
    if (this.#levels.length >= MOST_DEPTH) throw protocolError('scp: too many folders in folders');
    const times = this.#takeTimes();
    if (!(await this.#isFolder(path))) {
      const make = (): ObservableInput<unknown> =>
        given(this.#fileSystem.mkdir?.(path, { permissions: mode }));
      const failure = await caught(() => lastValueFrom(done(make)));
      // what would come into it has no place
      if (failure !== undefined) {
        await this.#output.failed(path, failure.thrown, true);
        throw protocolError('scp: a folder that cannot be made');
      }
    }
    this.#levels.push({ path, times });
    await this.#output.ok();
  }

  async #leave(): Promise<void> {
    const level = this.#levels.pop();
    if (level === undefined) throw protocolError('scp: the end of no folder');
    const { times, path } = level;
    if (times !== undefined) {
      const change = (): ObservableInput<unknown> =>
        given(this.#fileSystem.setstat?.(path, timesOf(times)));
      await caught(() => lastValueFrom(done(change)));
    }
    await this.#output.ok();
  }

  #takeTimes(): RecordOf<'times'> | undefined {
    const times = this.#times;
    this.#times = undefined;
    return times;
  }

  #attributes(mode: number, times: RecordOf<'times'> | undefined): FileAttributes | undefined {
    if (!this.#command.preserves) return undefined;
    return { permissions: mode, ...(times === undefined ? {} : timesOf(times)) };
  }

  async #isFolder(path: FileName): Promise<boolean> {
    try {
      return isDirectory(await firstValueFrom(first(() => this.#fileSystem.stat(path))));
    } catch {
      return false;
    }
  }
}

function timesOf({ atime, mtime }: RecordOf<'times'>): FileAttributes {
  return { atime, mtime };
}

async function caught(
  work: () => Promise<unknown>,
): Promise<{ readonly thrown: unknown } | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}
