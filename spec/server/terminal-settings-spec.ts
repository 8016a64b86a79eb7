import { describe, expect, it } from '@jest/globals';
import { decodeTerminalModes } from '../../src/messages/terminal-modes.ts';
import { sttyOperands } from '../../src/server/terminal-settings.ts';

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
