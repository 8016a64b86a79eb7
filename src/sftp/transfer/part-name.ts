/** Names of files that are not whole yet. */
import { defaultProvider } from '#crypto';
import { concatBytes, toHex, utf8Bytes } from '../../wire/bytes.ts';
import { fileName, type FileName, joinPath } from '../file-name.ts';
import { lastName, parentPath } from '../trees/entry-name.ts';

/** What file systems take, less what is put around the name. */
const LONGEST_NAME = 200;
const MARK_BYTES = 6;

/**
 * Where a file is written before it gets its name: hidden, beside it. A file that may be resumed has one such name; any other
 * has a new one each time, so that transfers to one name do not meet.
 */
export function partPath(path: FileName, resume: boolean): FileName {
  const name = lastName(path);
  const isLong = name.length > LONGEST_NAME;
  const marks = [
    ...(isLong ? [toHex(defaultProvider.hash('sha256', [name]).subarray(0, MARK_BYTES))] : []),
    ...(resume ? [] : [toHex(defaultProvider.randomBytes(MARK_BYTES))]),
    'rxssh-part',
  ];
  const part = concatBytes([
    utf8Bytes('.'),
    isLong ? name.subarray(0, LONGEST_NAME) : name,
    utf8Bytes(`.${marks.join('.')}`),
  ]);
  const folder = parentPath(path.bytes);
  return folder === undefined ? fileName(part) : joinPath(folder, part);
}
