/** Sizes and positions in files: whole numbers that are exact. */
import { SshError } from '../errors.ts';

/** The size; throws `config` for one that no file can be given exactly. */
export function checkedSize(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new SshError('config', `a file cannot have ${String(size)} bytes`, { option: 'size' });
}
