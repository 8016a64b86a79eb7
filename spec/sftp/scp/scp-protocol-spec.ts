import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../../src/errors.ts';
import {
  formatScpRecord,
  parseScpCommand,
  parseScpRecord,
  type ScpRecord,
} from '../../../src/sftp/scp/scp-protocol.ts';
import { utf8Bytes as bytes, utf8Text } from '../../../src/wire/bytes.ts';
import { processorTime } from '../../support/processor-time.ts';

const PLAIN = { isRecursive: false, preserves: false, needsFolder: false };

describe('parseScpCommand', () => {
  it.each([
    ['scp -t /a', { ...PLAIN, role: 'sink', paths: ['/a'] }],
    [
      'scp -r -p -d -t -- -x',
      { isRecursive: true, preserves: true, needsFolder: true, role: 'sink', paths: ['-x'] },
    ],
    ['/usr/bin/scp -vrf a b', { ...PLAIN, isRecursive: true, role: 'source', paths: ['a', 'b'] }],
    [`scp -f 'a b'"c\\"d"\\ e`, { ...PLAIN, role: 'source', paths: ['a bc"d e'] }],
    [`scp -f '$(x);' a*?`, { ...PLAIN, role: 'source', paths: ['$(x);', 'a*?'] }],
    ["scp -t ''", { ...PLAIN, role: 'sink', paths: [''] }],
  ])('%s', (command, expected) => {
    expect(parseScpCommand(command)).toEqual(expected);
  });

  it.each([
    ...[
      '',
      'ls',
      'scp',
      'scp -t',
      'scp -f',
      'scp a b',
      'scp -t -f a',
      'scp -t a b',
      'scp -tX a',
      'scp2 -t a',
    ],
    ...[
      'scp -t a; ls',
      'scp -t $(ls)',
      'scp -t `ls`',
      'scp -t a && b',
      'scp -t a > b',
      "scp -t 'a",
      'scp -t "a',
      '/tmp/scp -t a',
    ],
  ])('%j is none', (command) => {
    expect(parseScpCommand(command)).toBeUndefined();
  });

  it('takes no time for a long command', () => {
    const spent = processorTime();
    parseScpCommand(`scp -t ${'a'.repeat(30_000)}'`);
    parseScpCommand(`scp -t ${'"\\'.repeat(10_000)}`);
    expect(spent()).toBeLessThan(200);
  });
});

describe('parseScpRecord', () => {
  const name = fc
    .uint8Array({ minLength: 3, maxLength: 255 })
    .map((all) => all.map((byte) => (byte === 0 || byte === 0x0a || byte === 0x2f ? 0x61 : byte)));
  const record: fc.Arbitrary<ScpRecord> = fc.oneof(
    fc.record({
      type: fc.constant('file' as const),
      mode: fc.nat(0o7777),
      size: fc.maxSafeNat(),
      name,
    }),
    fc.record({ type: fc.constant('folder' as const), mode: fc.nat(0o7777), name }),
    fc.constant({ type: 'end-of-folder' as const }),
    fc.record({ type: fc.constant('times' as const), mtime: fc.nat(), atime: fc.nat() }),
    fc.record({
      type: fc.constantFrom('warning' as const, 'error' as const),
      message: fc.string().map((text) => text.replaceAll('\n', ' ')),
    }),
  );

  it('has one line for a name of several', () => {
    const name = bytes('a\nC0644 1 .bashrc\n');
    expect(utf8Text(formatScpRecord({ type: 'folder', mode: 0o755, name }))).toBe(
      'D0755 0 a\\^JC0644 1 .bashrc\\^J\n',
    );
    expect(utf8Text(formatScpRecord({ type: 'file', mode: 0o644, size: 1, name }))).toBe(
      'C0644 1 a\\^JC0644 1 .bashrc\\^J\n',
    );
  });

  it('reads what is written', () => {
    fc.assert(
      fc.property(record, (value) => {
        const line = formatScpRecord(value);
        expect(line.at(-1)).toBe(0x0a);
        expect(parseScpRecord(line.subarray(0, -1))).toEqual(value);
      }),
    );
  });

  it.each([
    ...[
      '',
      'X',
      'C',
      'C0644',
      'C0644 5',
      'C0644 5 ',
      'C0644 -5 a',
      'C644x 5 a',
      'C99999 5 a',
      'C0644 99999999999999999 a',
    ],
    ...[
      'C0644 9007199254740993 a',
      'C0644 5 ..',
      'C0644 5 .',
      'D0755 0 ..',
      'C0644 5 a/b',
      'C0644 5 /etc',
      'C0644 5 a\0b',
    ],
    ...[`C0644 5 ${'n'.repeat(256)}`, 'T1 0 2', 'Tx 0 2 0', 'T99999999999 0 2 0'],
  ])('%j is a protocol error', (line) => {
    let thrown: unknown;
    try {
      parseScpRecord(bytes(line));
    } catch (error) {
      thrown = error;
    }
    expect(isSshError(thrown, 'protocol')).toBe(true);
  });
});
