/** The modes in which files are opened, as Node and C have them, and what OPEN says for each. */
import { SshError } from '../errors.ts';
import { OpenFlag } from './packets.ts';

const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = OpenFlag;

/**
 * How a file is opened, as in Node: `r` to read, `w` to write from an empty file, `a` to append, `x` for a file that must not
 * be there yet, `+` for both ways. `r+` neither makes nor empties the file.
 */
export type OpenMode =
  'r' | 'r+' | 'w' | 'wx' | 'w+' | 'wx+' | 'a' | 'ax' | 'a+' | 'ax+' | 'x' | 'x+';

const MODES: Readonly<Record<OpenMode, number>> = {
  r: READ,
  'r+': READ | WRITE,
  w: WRITE | CREAT | TRUNC,
  wx: WRITE | CREAT | TRUNC | EXCL,
  'w+': READ | WRITE | CREAT | TRUNC,
  'wx+': READ | WRITE | CREAT | TRUNC | EXCL,
  a: WRITE | CREAT | APPEND,
  ax: WRITE | CREAT | APPEND | EXCL,
  'a+': READ | WRITE | CREAT | APPEND,
  'ax+': READ | WRITE | CREAT | APPEND | EXCL,
  x: WRITE | CREAT | EXCL,
  'x+': READ | WRITE | CREAT | EXCL,
};

/** The flags of OPEN for a mode. Throws `config` for one that there is none of. */
export function openFlags(mode: OpenMode): number {
  if (!Object.hasOwn(MODES, mode))
    throw new SshError('config', `files are not opened with ${JSON.stringify(mode)}`, {
      option: 'flags',
    });
  return MODES[mode];
}

/** Does everything that is written go to the end of the file? */
export function isAppending(mode: OpenMode): boolean {
  return (openFlags(mode) & APPEND) !== 0;
}
