/** Names that a server gives, looked at before they become a part of any path (SC1: a listing may say `../../.profile`). */
import type { FileName } from '../file-name.ts';

const SLASH = 0x2f;
const DOT = 0x2e;

/** Why a name cannot be that of an entry of a folder; `undefined` when it can. */
export function entryNameProblem({ bytes }: FileName): string | undefined {
  if (bytes.length === 0) return 'an empty name';
  if (bytes.length <= 2 && bytes.every((byte) => byte === DOT)) return 'a name of dots';
  if (bytes.includes(SLASH)) return 'a name with a slash';
  if (bytes.includes(0)) return 'a name with a NUL';
  return undefined;
}

/** The last name of a path: `c` of `/a/b/c`, and of `/a/b/c/`. Empty for the root, and for no path at all. */
export function lastName({ bytes }: FileName): Uint8Array {
  const path = withoutSlashes(bytes);
  return path.slice(path.lastIndexOf(SLASH) + 1);
}

/** The folder that a path names something in: `/a` of `/a/b`, `/` of `/a`; `undefined` for one name, and for the root. */
export function parentPath(bytes: Uint8Array): Uint8Array | undefined {
  const slash = bytes.subarray(0, lengthWithoutSlashes(bytes)).lastIndexOf(SLASH);
  if (slash < 0) return undefined;
  return bytes.slice(0, Math.max(1, lengthWithoutSlashes(bytes.subarray(0, slash))));
}

/** The path without slashes at its end, behind which a symbolic link would be followed; nothing is left of the root. */
export function withoutSlashes(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, lengthWithoutSlashes(bytes));
}

function lengthWithoutSlashes(bytes: Uint8Array): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === SLASH) length--;
  return length;
}
