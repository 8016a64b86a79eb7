/**
 * Paths as a server sees them: bytes, absolute, without `.`, `..` and doubled slashes, and never above the root. What a client
 * sends is brought into this form before anything is done with it, so no file system has to do it again.
 */
import type { SshError } from '../../errors.ts';
import { concatBytes, utf8Bytes } from '../../wire/bytes.ts';
import { statusError, StatusCode } from '../status.ts';

/** Longest path in bytes, as PATH_MAX of Linux. */
export const MAX_PATH = 4096;
/** Longest part of a path in bytes, as NAME_MAX of Linux. */
export const MAX_NAME = 255;

const SLASH = 0x2f;
const DOT = 0x2e;
const ROOT: Uint8Array = new Uint8Array([SLASH]);

/**
 * The virtual path that a path means: relative ones begin at `folder`, `..` at the root stays there. Purely lexical: no
 * file is looked at. Throws BAD_MESSAGE for a path that is too long or has a NUL.
 *
 * @param folder - a virtual path; the root unless said otherwise
 */
export function virtualPath(path: Uint8Array, folder: Uint8Array = ROOT): Uint8Array {
  if (path.length > MAX_PATH) throw badPath('Path is too long');
  if (path.includes(0)) throw badPath('Path with a NUL');
  const parts = path[0] === SLASH ? [] : partsOf(folder);
  for (const part of partsOf(path)) {
    if (isDots(part, 1)) continue;
    if (isDots(part, 2)) parts.pop();
    else parts.push(part);
  }
  return join(parts);
}

/** The parts of a path, without empty ones. */
export function partsOf(path: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < path.length;) {
    const found = path.indexOf(SLASH, from);
    const end = found < 0 ? path.length : found;
    if (end > from) parts.push(path.subarray(from, end));
    from = end + 1;
  }
  return parts;
}

/** The folder that a virtual path lies in; the root lies in itself. */
export function folderOf(path: Uint8Array): Uint8Array {
  return join(partsOf(path).slice(0, -1));
}

/** The last part of a path; empty for the root. */
export function nameOf(path: Uint8Array): Uint8Array {
  return partsOf(path).at(-1) ?? new Uint8Array(0);
}

/** Is it the root? */
export function isRoot(path: Uint8Array): boolean {
  return partsOf(path).length === 0;
}

/** Is it the same virtual path, or one below it? A sibling whose name only begins alike is not. */
export function isWithin(path: Uint8Array, folder: Uint8Array): boolean {
  if (isRoot(folder)) return true;
  if (path.length < folder.length) return false;
  for (let at = 0; at < folder.length; at++) if (path[at] !== folder[at]) return false;
  return path.length === folder.length || path[folder.length] === SLASH;
}

/** Do two virtual paths name the same file, or one a folder above the other? */
export function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

/** Does a relative path climb above the root, from that folder? Lexical, like {@link virtualPath}. */
export function leadsOut(path: Uint8Array, folder: Uint8Array): boolean {
  let depth = partsOf(folder).length;
  return partsOf(path).some((part) => {
    if (!isDots(part, 1)) depth += isDots(part, 2) ? -1 : 1;
    return depth < 0;
  });
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return utf8Bytes('/');
  return concatBytes(parts.flatMap((part) => [ROOT, part]));
}

function isDots(part: Uint8Array, count: number): boolean {
  return part.length === count && part.every((byte) => byte === DOT);
}

function badPath(message: string): SshError {
  return statusError(StatusCode.BAD_MESSAGE, 'path', { message });
}
