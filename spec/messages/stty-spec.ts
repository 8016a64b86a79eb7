import { describe, expect, it } from '@jest/globals';
import { decodeTerminalModes } from '../../src/messages/terminal-modes.ts';
import { sttyModes, sttyOperands } from '../../src/messages/stty.ts';

describe('sttyOperands', () => {
  it.each<readonly [string, readonly (readonly [number, number])[], string]>([
    ['nothing', [], ''],
    [
      'characters',
      [
        [3, 127],
        [1, 3],
      ],
      'erase 0x7f intr 0x3',
    ],
    ['a character that there is none of', [[6, 255]], 'eol undef'],
    [
      'flags',
      [
        [53, 0],
        [50, 1],
        [72, 4_294_967_295],
      ],
      '-echo isig onlcr',
    ],
    [
      'speeds, which a pseudo-terminal has none of',
      [
        [128, 38_400],
        [129, 38_400],
      ],
      '',
    ],
    [
      'what nobody knows',
      [
        [0, 1],
        [99, 1],
        [159, 7],
      ],
      '',
    ],
    [
      'a character of more than a byte (C16)',
      [
        [3, 256],
        [3, 4_294_967_295],
      ],
      '',
    ],
  ])('%s', (_name, modes, operands) => {
    expect(sttyOperands(new Map(modes)).join(' ')).toBe(operands);
  });

  it('gives nothing but words and numbers, whatever the modes (C16)', () => {
    const bytes = new Uint8Array(160 * 5);
    for (let opcode = 0; opcode < 160; opcode++) {
      bytes.set([opcode + 1, opcode, opcode * 7, opcode * 13, opcode * 31], opcode * 5);
    }
    const operands = sttyOperands(decodeTerminalModes(bytes));
    expect(operands.length).toBeGreaterThan(20);
    expect(operands.every((each) => /^-?[a-z0-9]+$/.test(each))).toBe(true);
  });
});

describe('sttyModes', () => {
  const LINUX = `speed 38400 baud; rows 24; columns 80; line = 0;
intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>;
eol2 = M-^?; swtch = <undef>; start = ^Q; stop = x; susp = ^Z; rprnt = ^R;
-ignbrk brkint -ignpar icrnl ixon -ixoff
opost -onlcr
isig -icanon iexten echo echoe -echok
`;

  it('is what the terminal here is like', () => {
    expect([...sttyModes(LINUX)]).toEqual([
      ...[
        [1, 3],
        [2, 28],
        [3, 127],
        [4, 21],
        [5, 4],
      ],
      ...[
        [6, 255],
        [7, 255],
        [8, 17],
        [9, 0x78],
        [10, 26],
      ],
      ...[
        [12, 18],
        [30, 0],
        [36, 1],
        [38, 1],
        [40, 0],
        [50, 1],
      ],
      ...[
        [51, 0],
        [53, 1],
        [54, 1],
        [55, 0],
        [59, 1],
        [70, 1],
        [72, 0],
      ],
      ...[
        [128, 38_400],
        [129, 38_400],
      ],
    ]);
  });

  it('is nothing where nothing is understood', () => {
    expect([...sttyModes('stty: standard input: Inappropriate ioctl')]).toEqual([]);
    expect([...sttyModes('intr = \u00e9; erase = ;')]).toEqual([]);
  });

  it('gives back what it was told, in the words of stty', () => {
    const words = sttyOperands(sttyModes(LINUX));
    expect(words.join(' ')).toContain('intr 0x3');
    expect(words).toEqual(expect.arrayContaining(['-icanon', 'echo', '-onlcr', 'eol', 'undef']));
  });
});
