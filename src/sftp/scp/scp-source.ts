/** `scp -f`: gives files and folders of a file system to the client. */
import { defer, firstValueFrom, lastValueFrom } from 'rxjs';
import { isSshError } from '../../errors.ts';
import { fromInput } from '../../operators/from-input.ts';
import { toAsyncIterable } from '../../operators/to-async-iterable.ts';
import type { FileAttributes } from '../attributes.ts';
import { fileName, type FileName, joinPath, pathBytes } from '../file-name.ts';
import type { SftpFile, SftpFileSystem } from '../server/file-system.ts';
import { isDirectory, isFile } from '../file-type.ts';
import { LARGEST_DATA } from '../packets.ts';
import type { ScpInput } from './scp-input.ts';
import type { ScpCommand } from './scp-protocol.ts';
import type { ScpOutput } from './scp-output.ts';
import { done, first, given } from '../server/server-answers.ts';
import { statusError, StatusCode } from '../status.ts';
import { nameOf } from '../server/virtual-path.ts';

/** Folders in folders, at the most: a symbolic link may lead to where it is. */
const MOST_DEPTH = 64;
const READ_ONLY = {
  read: true,
  write: false,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
};

/** Sends what the client asks for. */
export class ScpSource {
  readonly #fileSystem: SftpFileSystem;
  readonly #command: ScpCommand;
  readonly #input: ScpInput;
  readonly #output: ScpOutput;

  constructor(fileSystem: SftpFileSystem, command: ScpCommand, input: ScpInput, output: ScpOutput) {
    this.#fileSystem = fileSystem;
    this.#command = command;
    this.#input = input;
    this.#output = output;
  }

  /** Sends all of them; what cannot be read is told, and the next one follows. */
  async run(paths: readonly FileName[]): Promise<void> {
    await this.#accepted();
    for (const path of paths) await this.#send(path, 0);
  }

  async #send(path: FileName, depth: number): Promise<void> {
    try {
      const attributes = await firstValueFrom(first(() => this.#fileSystem.stat(path)));
      if (isFile(attributes)) await this.#sendFile(path, attributes);
      else if (isDirectory(attributes) && this.#command.isRecursive && depth < MOST_DEPTH)
        await this.#sendFolder(path, attributes, depth);
      else await this.#output.fail(`${path.text}: not a regular file`);
    } catch (thrown) {
      if (isOver(thrown)) throw thrown;
      await this.#output.failed(path, thrown);
    }
  }

  async #sendFolder(path: FileName, attributes: FileAttributes, depth: number): Promise<void> {
    if (!(await this.#announce('folder', path, attributes))) return;
    await this.#sendEntries(path, depth);
    // also behind what cannot be listed: what follows is not in it
    await this.#output.record({ type: 'end-of-folder' });
    await this.#accepted();
  }

  async #sendEntries(path: FileName, depth: number): Promise<void> {
    const entries = defer(() => fromInput(given(this.#fileSystem.opendir?.(path))));
    try {
      for await (const { name } of toAsyncIterable(entries))
        await this.#send(joinPath(path, pathBytes(name)), depth + 1);
    } catch (thrown) {
      if (isOver(thrown)) throw thrown;
      await this.#output.failed(path, thrown);
    }
  }

  async #sendFile(path: FileName, attributes: FileAttributes): Promise<void> {
    const file = await firstValueFrom(first(() => this.#fileSystem.open(path, READ_ONLY, {})));
    try {
      if (!(await this.#announce('file', path, attributes))) return;
      const failure = await this.#copy(file, attributes.size ?? 0);
      if (failure === undefined) await this.#output.ok();
      else await this.#output.failed(path, failure.thrown);
      await this.#accepted();
    } finally {
      await lastValueFrom(done(() => file.close()));
    }
  }

  /** Sends as many bytes as were announced: zeros where there are none any more. */
  async #copy(file: SftpFile, size: number): Promise<Failure | undefined> {
    const buffer = new Uint8Array(Math.min(size, LARGEST_DATA));
    let failure: Failure | undefined;
    for (let at = 0; at < size;) {
      let bytes = buffer.subarray(0, size - at);
      const read = failure ?? (await readAt(file, bytes, at));
      if (typeof read === 'number') bytes = bytes.subarray(0, read);
      else {
        failure = read;
        bytes.fill(0);
      }
      await this.#output.send(bytes);
      at += bytes.length;
    }
    return failure;
  }

  /** Times if they are asked for, and the line; `false` when the client does not want it. */
  async #announce(
    type: 'file' | 'folder',
    path: FileName,
    { size = 0, permissions: mode = 0o644, atime = 0, mtime = 0 }: FileAttributes,
  ): Promise<boolean> {
    if (this.#command.preserves) {
      await this.#output.record({ type: 'times', mtime, atime });
      if (!(await this.#accepted())) return false;
    }
    const last = nameOf(path.bytes);
    const name = last.length === 0 ? fileName(Uint8Array.of(0x2e)).bytes : last;
    await this.#output.record(type === 'file' ? { type, mode, size, name } : { type, mode, name });
    return this.#accepted();
  }

  async #accepted(): Promise<boolean> {
    const answer = await this.#input.answer();
    if (answer?.isFatal === true) throw new Refused(answer.message);
    return answer === undefined;
  }
}

interface Failure {
  readonly thrown: unknown;
}

/** How many bytes were read, at least one. */
async function readAt(
  file: SftpFile,
  into: Uint8Array,
  position: number,
): Promise<number | Failure> {
  try {
    const count = await firstValueFrom(first(() => file.read(into, position)));
    return count === 0 ? { thrown: shrunk() } : count;
  } catch (thrown) {
    return { thrown };
  }
}

/** The client wants no more. */
class Refused extends Error {}

/** There is nobody left to send to. */
function isOver(thrown: unknown): boolean {
  return thrown instanceof Refused || isSshError(thrown, 'protocol');
}

function shrunk(): Error {
  return statusError(StatusCode.FAILURE, 'read', { message: 'File has shrunk' });
}
