/** How much a file system in memory takes, and may take. */
import type { StatvfsReply } from '../extensions.ts';
import type { MemoryFile, MemoryNode } from './memory-tree.ts';
import { statusError, StatusCode } from '../status.ts';
import { MAX_NAME } from '../server/virtual-path.ts';

/** What a name counts besides its bytes: about what it takes. */
const NODE_COST = 256;

const BLOCK = 4096;
/** Flag of statvfs@openssh.com. */
const NO_SETUID = 2n;

/** What a name counts, with the target of a symbolic link; the bytes of a file count by themselves. */
export function costOf(name: string, node: MemoryNode): number {
  return NODE_COST + name.length + (node.type === 'symbolic-link' ? node.target.length : 0);
}

/** Counts bytes against a quota. */
export class MemoryUsage {
  readonly #quota: number;
  #used = 0;

  constructor(quota: number) {
    this.#quota = quota;
  }

  /** Throws FAILURE when there is no room for that many bytes. */
  take(bytes: number): void {
    if (bytes > this.#quota - this.#used)
      throw statusError(StatusCode.FAILURE, 'write', { message: 'No space left' });
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  /** Writes what there is room for, or nothing. */
  write(file: MemoryFile, bytes: Uint8Array, position: number, now: number): void {
    checkEnd(position + bytes.length);
    this.take(file.content.cost(position, bytes.length));
    file.content.write(bytes, position);
    file.mtime = now;
  }

  resize(file: MemoryFile, size: number, now: number): void {
    checkEnd(size);
    const { allocated } = file.content;
    file.content.resize(size);
    this.give(allocated - file.content.allocated);
    file.mtime = now;
  }

  statistics(): StatvfsReply {
    const blocksFree = shareOf(this.#quota - this.#used, BLOCK);
    const filesFree = shareOf(this.#quota - this.#used, NODE_COST);
    return {
      blockSize: BigInt(BLOCK),
      fragmentSize: BigInt(BLOCK),
      blocks: shareOf(this.#quota, BLOCK),
      blocksFree,
      blocksAvailable: blocksFree,
      files: shareOf(this.#quota, NODE_COST),
      filesFree,
      filesAvailable: filesFree,
      fileSystemId: 0n,
      flags: NO_SETUID,
      nameMax: BigInt(MAX_NAME),
    };
  }
}

function shareOf(bytes: number, size: number): bigint {
  return BigInt(Math.floor(bytes / size));
}

/** Beyond, numbers are not exact. */
function checkEnd(end: number): void {
  if (!Number.isSafeInteger(end))
    throw statusError(StatusCode.FAILURE, 'write', { message: 'File too large' });
}
