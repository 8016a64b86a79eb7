/** Paths of this machine. They are bytes, so that a name that is not UTF-8 stays what it is. */
import { type FileName, fileName, pathBytes } from '../file-name.ts';

const isWindows = process.platform === 'win32';

/** A path as the system takes it. */
export function systemPath({ bytes }: FileName): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A path that a person has given. */
export function localPath(text: string): FileName {
  return fileName(pathBytes(isWindows ? text.replaceAll('\\', '/') : text));
}

/** What Windows does not take in a name, or takes for something else. */
const WINDOWS_SPECIAL = /[\\:*?"<>|\u0000-\u001f]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Why a name of a server cannot be one here; `undefined` when it can. */
export function localNameProblem({ text }: FileName, windows = isWindows): string | undefined {
  return windows && WINDOWS_SPECIAL.test(text) ? 'a name that Windows does not take' : undefined;
}
