/** Terminal modes of a pty-req (RFC 4254 §8) in the words of stty(1), both ways: those that the stty of every system knows. */
import type { TerminalModes } from './terminal-modes.ts';

/** Opcode → special character. */
const CHARACTERS: ReadonlyMap<number, string> = new Map([
  ...([
    [1, 'intr'],
    [2, 'quit'],
    [3, 'erase'],
    [4, 'kill'],
    [5, 'eof'],
  ] as const),
  ...([
    [6, 'eol'],
    [7, 'eol2'],
    [8, 'start'],
    [9, 'stop'],
    [10, 'susp'],
  ] as const),
  ...([
    [12, 'rprnt'],
    [13, 'werase'],
    [14, 'lnext'],
  ] as const),
]);

/** Opcode → flag. */
const FLAGS: ReadonlyMap<number, string> = new Map([
  ...([
    [30, 'ignpar'],
    [31, 'parmrk'],
    [32, 'inpck'],
    [33, 'istrip'],
    [34, 'inlcr'],
  ] as const),
  ...([
    [35, 'igncr'],
    [36, 'icrnl'],
    [38, 'ixon'],
    [39, 'ixany'],
    [40, 'ixoff'],
  ] as const),
  ...([
    [41, 'imaxbel'],
    [42, 'iutf8'],
    [50, 'isig'],
    [51, 'icanon'],
    [53, 'echo'],
  ] as const),
  ...([
    [54, 'echoe'],
    [55, 'echok'],
    [56, 'echonl'],
    [57, 'noflsh'],
    [58, 'tostop'],
  ] as const),
  ...([
    [59, 'iexten'],
    [60, 'echoctl'],
    [61, 'echoke'],
    [70, 'opost'],
    [72, 'onlcr'],
  ] as const),
]);

/** RFC 4254 §8: the value of a special character that there is none of. */
const NO_CHARACTER = 255;

/** Opcodes of the speeds, which some programs ask for. */
const SPEEDS = [128, 129];

/** The opcode of the character that says the end of the input. */
export const VEOF = 5;

/** What is not known, and values that are none, are left out. */
export function sttyOperands(modes: TerminalModes): readonly string[] {
  return [...modes].flatMap(([opcode, value]) => {
    const character = CHARACTERS.get(opcode);
    if (character !== undefined) return characterOperands(character, value);
    const flag = FLAGS.get(opcode);
    return flag === undefined ? [] : [value === 0 ? `-${flag}` : flag];
  });
}

function characterOperands(name: string, value: number): readonly string[] {
  if (value > NO_CHARACTER) return [];
  if (value === NO_CHARACTER) return [name, 'undef'];
  // a digit alone would be the character that it shows
  return [name, `0x${value.toString(16)}`];
}

/**
 * The modes of a terminal, as `stty -a` tells them: what a pty-req sends, so that the terminal there is like the one here. What is not
 * understood is left out.
 *
 * @example
 * ```ts
 * const modes = sttyModes(execFileSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' }));
 * client.shell({ pty: { modes } });
 * ```
 */
export function sttyModes(text: string): TerminalModes {
  const modes = new Map<number, number>();
  for (const [opcode, name] of CHARACTERS) {
    const [, written] = new RegExp(`\\b${name} = (\\S{1,7}?);`).exec(text) ?? [];
    const value = written === undefined ? undefined : characterOf(written);
    if (value !== undefined) modes.set(opcode, value);
  }
  for (const [opcode, name] of FLAGS) {
    const [, off] = new RegExp(`(?:^|\\s)(-?)${name}(?=[\\s;]|$)`).exec(text) ?? [];
    if (off !== undefined) modes.set(opcode, off === '' ? 1 : 0);
  }
  const [, speed] = /\bspeed (\d{1,7}) baud/.exec(text) ?? [];
  if (speed !== undefined) for (const opcode of SPEEDS) modes.set(opcode, Number(speed));
  return modes;
}

/** `^C`, `^?`, `M-^?`, or the character itself. */
function characterOf(written: string): number | undefined {
  if (written === '<undef>' || written === 'undef') return NO_CHARACTER;
  const [, meta, control, character = ''] = /^(M-)?(\^)?([!-~])$/.exec(written) ?? [];
  if (character === '') return undefined;
  const code = character.charCodeAt(0);
  const plain = control === undefined ? code : character === '?' ? 0x7f : code & 0x1f;
  return meta === undefined ? plain : plain + 0x80;
}
