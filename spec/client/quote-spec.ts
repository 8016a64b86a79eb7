import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { commandLine } from '../../src/client/quote.ts';

/** Words as the shell sees them: printed by a function, so that the first word can be anything at all. */
function shellWords(lines: readonly string[]): string[][] {
  const script = lines.map((line) => `show ${line}; printf '\\1'`).join('\n');
  const show = `show() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n`;
  const output = execFileSync('/bin/sh', ['-s'], { input: show + script, maxBuffer: 2 ** 26 });
  return output
    .toString('utf8')
    .split('\u0001')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
}

describe('a command line', () => {
  it.each<[string, readonly string[] | string]>([
    ['make test', 'make test'],
    ['rm -- a', ['rm', '--', 'a']],
    [`rm -- 'it'\\''s'`, ['rm', '--', "it's"]],
    [`echo ''`, ['echo', '']],
    [`'a b'`, ['a b']],
    [
      `echo '$HOME' '*' '~' 'a;b' 'a&b' '#x' '!'`,
      ['echo', '$HOME', '*', '~', 'a;b', 'a&b', '#x', '!'],
    ],
    [`'A=1' env`, ['A=1', 'env']],
    [`'if' 'then'`, ['if', 'then']],
    [`'time' ls`, ['time', 'ls']],
    ['/usr/bin/env_2 a.b:c,d+e@f%g', ['/usr/bin/env_2', 'a.b:c,d+e@f%g']],
    [`'a\nb'`, ['a\nb']],
    [`'é'`, ['é']],
  ])('is %s', (line, command) => {
    expect(commandLine(command)).toBe(line);
  });

  it.each([[[]], ['a\0b'], [['a', 'b\0']]])('cannot be %j', (command) => {
    expect(() => commandLine(command)).toThrow(expect.objectContaining({ kind: 'config' }));
  });

  it('L8: means the same words to a shell', () => {
    // what has a meaning to some shell, and characters of which each is one to a terminal
    const text = fc.oneof(
      fc.string({
        unit: fc.constantFrom(...Array.from('\'"\\$`!*?[]{}()<>|&;#~=%^ \t\n-+a1é€😀')),
        maxLength: 12,
      }),
      fc
        .string({ unit: 'binary', maxLength: 12 })
        .filter((word) => !/[\0\u0001\ud800-\udfff]/.test(word)),
    );
    const words = fc.array(text, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 50 }), (commands) => {
        expect(shellWords(commands.map((command) => commandLine(command)))).toEqual(commands);
      }),
      { numRuns: 20 },
    );
  });

  it.each(['if', 'while', 'case', 'for', 'done', 'A=1', '{', '!', 'time'])(
    'runs a program that is called %s',
    (name) => {
      const run = (): string =>
        execFileSync('/bin/sh', ['-c', commandLine([name, 'x'])], {
          encoding: 'utf8',
          stdio: 'pipe',
          env: { PATH: '/nonexistent' },
        });
      // 127: looked for as a command, and not found
      expect(run).toThrow(expect.objectContaining({ status: 127 }));
    },
  );
});
