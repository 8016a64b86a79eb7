/**
 * The lines of scp's own protocol, as rcp had it before: what a command asks for, and what a source says of files. Pure;
 * whatever is no such line is a `protocol` error, and so is a name that would leave its folder.
 */
import { protocolError } from '../../errors.ts';
import { utf8Bytes, utf8Text } from '../../wire/bytes.ts';
import { fileName } from '../file-name.ts';
import { MAX_NAME, MAX_PATH } from '../server/virtual-path.ts';
import { entryNameProblem } from '../trees/entry-name.ts';

/** What `scp -t` or `scp -f` is to do. */
export interface ScpCommand {
  /** `sink` (-t) takes files, `source` (-f) gives them. */
  readonly role: 'sink' | 'source';
  /** -r: folders too. */
  readonly isRecursive: boolean;
  /** -p: with times and modes. */
  readonly preserves: boolean;
  /** -d: the target has to be a folder. */
  readonly needsFolder: boolean;
  readonly paths: readonly string[];
}

/** What a source says. */
export type ScpRecord =
  | {
      readonly type: 'file';
      readonly mode: number;
      readonly size: number;
      readonly name: Uint8Array;
    }
  | { readonly type: 'folder'; readonly mode: number; readonly name: Uint8Array }
  | { readonly type: 'end-of-folder' }
  | { readonly type: 'times'; readonly mtime: number; readonly atime: number }
  | { readonly type: 'warning' | 'error'; readonly message: string };

/** Bytes of the longest line: the longest name, and room for the numbers. */
export const MAX_SCP_LINE = MAX_PATH + 64;
/** Done, behind each record and each file. */
export const SCP_OK: Uint8Array = Uint8Array.of(0);

const WARNING = 1;
const ERROR = 2;
const LF = 0x0a;
const LF_IN_NAME = [...utf8Bytes('\\^J')];

/** What a command asks for; `undefined` for one that is not scp's. Quotes and backslashes mean what they mean to a shell. */
export function parseScpCommand(command: string): ScpCommand | undefined {
  const [program, ...words] = shellWords(command) ?? [];
  if (program === undefined || !/^(\/usr\/bin\/)?scp$/.test(program)) return undefined;
  let flags = '';
  while (words[0]?.startsWith('-') === true && words[0].length > 1) {
    const word = words.shift() ?? '';
    if (word === '--') break;
    flags += word.slice(1);
  }
  if (!/^[tfrpdvq]*$/.test(flags) || flags.includes('t') === flags.includes('f')) return undefined;
  const role = flags.includes('t') ? 'sink' : 'source';
  if (words.length === 0 || (role === 'sink' && words.length > 1)) return undefined;
  return {
    role,
    isRecursive: flags.includes('r'),
    preserves: flags.includes('p'),
    needsFolder: flags.includes('d'),
    paths: words,
  };
}

/** The words of a command without any expansion; `undefined` for an open quote, or what only a shell can do. */
function shellWords(command: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\;&|<>()$`])+)/sy;
  const end = command.trimEnd();
  while (word.lastIndex < end.length) {
    const match = word.exec(end);
    if (match === null) return undefined;
    words.push(unquoted(match[1] ?? ''));
  }
  return words;
}

function unquoted(word: string): string {
  return word.replace(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs,
    (_, single?: string, double?: string, one?: string) => {
      if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1');
      return single ?? one ?? '';
    },
  );
}

/** Reads a line of a source, without its line feed. */
export function parseScpRecord(line: Uint8Array): ScpRecord {
  switch (line[0]) {
    case WARNING:
    case ERROR:
      return {
        type: line[0] === WARNING ? 'warning' : 'error',
        message: utf8Text(line.subarray(1)),
      };
    case 0x43: // C
    case 0x44: // D
      return entry(line);
    case 0x45: // E
      return { type: 'end-of-folder' };
    case 0x54: // T
      return times(utf8Text(line));
    default:
      throw protocolError('scp: a line of no known kind');
  }
}

function entry(line: Uint8Array): ScpRecord {
  // a name is bytes: text is only looked at for what stands before it
  const head = /^[CD](0?[0-7]{3,4}) ([0-9]{1,16}) /.exec(utf8Text(line.subarray(0, 32)));
  if (head === null) throw protocolError('scp: a malformed line');
  const mode = Number.parseInt(head[1] ?? '', 8);
  const size = Number(head[2]);
  if (!Number.isSafeInteger(size)) throw protocolError('scp: a file that is too large');
  const name = checkedName(line.slice(head[0].length));
  return line[0] === 0x43 ? { type: 'file', mode, size, name } : { type: 'folder', mode, name };
}

function checkedName(name: Uint8Array): Uint8Array {
  const problem = name.length > MAX_NAME ? 'a name too long' : entryNameProblem(fileName(name));
  if (problem !== undefined) throw protocolError(`scp: ${problem}`);
  return name;
}

function times(line: string): ScpRecord {
  const match = /^T(\d{1,10}) \d{1,6} (\d{1,10}) \d{1,6}$/.exec(line);
  if (match === null) throw protocolError('scp: malformed times');
  return { type: 'times', mtime: Number(match[1]), atime: Number(match[2]) };
}

/** The line for a record, with its line feed. */
export function formatScpRecord(record: ScpRecord): Uint8Array {
  switch (record.type) {
    case 'file':
      return named(`C${modeText(record.mode)} ${String(record.size)} `, record.name);
    case 'folder':
      return named(`D${modeText(record.mode)} 0 `, record.name);
    case 'end-of-folder':
      return utf8Bytes('E\n');
    case 'times':
      return utf8Bytes(`T${String(record.mtime)} 0 ${String(record.atime)} 0\n`);
    case 'warning':
    case 'error': {
      const text = record.message.replaceAll('\n', ' ');
      return Uint8Array.of(record.type === 'warning' ? WARNING : ERROR, ...utf8Bytes(text), LF);
    }
  }
}

/** What follows a line feed would be a record of its own: OpenSSH's scp has `\^J` for one, which nobody turns back. */
function named(head: string, name: Uint8Array): Uint8Array {
  const bytes = [...name].flatMap((byte) => (byte === LF ? LF_IN_NAME : [byte]));
  return Uint8Array.of(...utf8Bytes(head), ...bytes, LF);
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
