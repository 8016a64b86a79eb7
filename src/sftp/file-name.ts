/** Names of files. To the protocol they are bytes; text is what people see, and need not lead back to the bytes. */
import { SshError } from '../errors.ts';
import { concatBytes, utf8Bytes, utf8Text } from '../wire/bytes.ts';

/** A name or a path as a server gave it: open and remove the file by `bytes`, show `text`. */
export interface FileName {
  /** What the server calls it. */
  readonly bytes: Uint8Array;
  /** The same as text; what is not UTF-8 became U+FFFD. Escape it before it is shown. */
  readonly text: string;
}

/** A path: text (sent as UTF-8), bytes, or a name that a server gave. */
export type Path = string | Uint8Array | FileName;

const SLASH = Uint8Array.of(0x2f);

/** The name that these bytes are; they are kept. */
export function fileName(bytes: Uint8Array): FileName {
  return { bytes, text: utf8Text(bytes) };
}

/** The bytes of a path. Throws `config` for one with a NUL: a server in C would see it end there. */
export function pathBytes(path: Path): Uint8Array {
  const bytes =
    typeof path === 'string' ? utf8Bytes(path) : path instanceof Uint8Array ? path : path.bytes;
  if (bytes.includes(0))
    throw new SshError('config', 'a path cannot have a NUL in it', { option: 'path' });
  return bytes;
}

/** A path as text, for messages. */
export function pathText(path: Path): string {
  if (typeof path === 'string') return path;
  return path instanceof Uint8Array ? utf8Text(path) : path.text;
}

/**
 * The path of a name in a folder; an absolute name stays what it is.
 *
 * @example `joinPath('/srv', entry.name)`
 */
export function joinPath(folder: Path, name: Path): FileName {
  const head = pathBytes(folder);
  const tail = pathBytes(name);
  if (head.length === 0 || tail[0] === SLASH[0]) return fileName(tail);
  const isClosed = head[head.length - 1] === SLASH[0];
  return fileName(concatBytes(isClosed ? [head, tail] : [head, SLASH, tail]));
}
