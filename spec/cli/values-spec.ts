import { writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { algorithmList } from '../../src/cli/algorithm-lists.ts';
import { CLIENT_KEYS } from '../../src/cli/client-keys.ts';
import { readHosts } from '../../src/cli/hosts.ts';
import { LinePrefixer } from '../../src/cli/line-prefixer.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { UsageError } from '../../src/cli/usage.ts';
import { type OutputPiece, Utf8Pieces } from '../../src/cli/utf8-pieces.ts';
import { integer, path, seconds, size, time, words, yesNo } from '../../src/cli/values.ts';
import { algorithmNames } from '../../src/node.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('values', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['1m30s', 90],
    ['2h', 7200],
    ['1d', 86_400],
    ['1w1', 604_801],
    ['none', 0],
    ['0', 0],
  ])('the time %s is %d s', (text, expected) => {
    expect(time('T', text)).toBe(expected);
  });

  it.each(['', '-1', '1.5', 'm', '1x', '99999999999', '1 m'])('%j is no time', (text) => {
    expect(() => time('T', text)).toThrow(UsageError);
  });

  it.each([
    ['1000', 1000],
    ['1K', 1024],
    ['64m', 64 * 2 ** 20],
    ['1G', 2 ** 30],
  ])('the size %s is %d bytes', (text, expected) => {
    expect(size('S', text)).toBe(expected);
  });

  it('reads numbers, yes and no, seconds with a fraction, and words', () => {
    expect(integer('I', '022', 1, 65_535)).toBe(22);
    expect([yesNo('B', 'Yes'), yesNo('B', 'false')]).toEqual([true, false]);
    expect(seconds('--timeout', '0.5')).toBe(500);
    expect(words('W', 'a "b c"  d="e f"')).toEqual(['a', 'b c', 'd=e f']);
    expect(path('P', '/a%%b')).toBe('/a%b');
    for (const wrong of [
      () => integer('I', '1e3', 1, 65_535),
      () => integer('I', '65536', 1, 65_535),
      () => yesNo('B', ''),
      () => seconds('S', '0'),
      () => words('W', '"a'),
    ])
      expect(wrong).toThrow(UsageError);
  });
});

describe('settings', () => {
  it('takes the first value of a key, however it is spelled, and all of one that may be given often', () => {
    const settings = readSettings(
      ['port=1', 'Port 2', 'IdentityFile=a', 'identityfile = b', 'LogLevel=DEBUG'],
      CLIENT_KEYS,
    );
    expect(settings.first('Port', (_, value) => value)).toBe('1');
    expect(settings.all('IdentityFile')).toEqual(['a', 'b']);
    expect(settings.first('User', (_, value) => value)).toBeUndefined();
    expect(settings.ignored).toEqual(['LogLevel']);
  });

  it('lets values pass that ask for nothing that is not there', () => {
    const options = ['ProxyJump=none', 'ForwardAgent=no', 'AddressFamily=any'];
    expect(readSettings(options, CLIENT_KEYS).ignored).toEqual([]);
  });

  it('refuses control characters in a value', () => {
    expect(() => readSettings(['User=a\nProxyCommand x'], CLIENT_KEYS)).toThrow(
      /control character/,
    );
  });
});

describe('algorithm lists', () => {
  const standard = algorithmNames('cipher');
  const list = (value: string): readonly string[] => algorithmList('Ciphers', value, 'cipher');

  it('replaces, appends, removes and puts in front', () => {
    expect(list('aes256-ctr,aes128-ctr')).toEqual(['aes256-ctr', 'aes128-ctr']);
    expect(list('+aes128-ctr')).toEqual(standard);
    expect(list('-aes128-ctr,not-there')).toEqual(standard.filter((name) => name !== 'aes128-ctr'));
    expect(list('^aes256-ctr')).toEqual([
      'aes256-ctr',
      ...standard.filter((name) => name !== 'aes256-ctr'),
    ]);
  });

  it('knows wildcards', () => {
    expect(list('aes*-ctr')).toEqual(standard.filter((name) => /^aes.*-ctr$/.test(name)));
    expect(list('-*gcm*')).toEqual(standard.filter((name) => !name.includes('gcm')));
    expect(list('aes???-ctr')).toEqual(list('aes*-ctr'));
  });

  it.each(['nope', 'aes128-ctr,nope', '-*', 'x*', 'aes128.ctr', ''])('refuses %j', (value) => {
    expect(() => list(value)).toThrow(UsageError);
  });
});

describe('A file of hosts', () => {
  const inFolder = useTempFolder();

  it.each(['\n', '\r\n'])('has one a line, and comments, with line ends %j', (end) => {
    const lines = ['# all', 'web[1-2] # two', '', '  db:2222  ', 'me@mail#1'];
    writeFileSync(inFolder('hosts'), lines.slice(0, 4).join(end));
    const names = readHosts(['first'], inFolder('hosts')).map(({ name }) => name);
    expect(names).toEqual(['first', 'web1', 'web2', 'db:2222']);
    writeFileSync(inFolder('hosts'), lines.join(end));
    expect(() => readHosts([], inFolder('hosts'))).toThrow(`${inFolder('hosts')}:5: `);
  });
});

describe('LinePrefixer', () => {
  const prefix = (chunks: readonly (readonly [index: number, text: string])[]): string => {
    const written: Uint8Array[] = [];
    const prefixer = new LinePrefixer((bytes) => written.push(bytes));
    for (const [index, text] of chunks)
      prefixer.push(index, `h${String(index)}`, Buffer.from(text));
    for (const index of [0, 1]) prefixer.end(index, `h${String(index)}`);
    return Buffer.concat(written).toString();
  };

  it('puts the host in front of each line, however the lines are cut', () => {
    const text = 'one\n\ntwo\r\nthree';
    const whole = 'h0: one\nh0: \nh0: two\r\nh0: three\n';
    expect(prefix([[0, text]])).toBe(whole);
    expect(prefix(Array.from(text, (character) => [0, character] as const))).toBe(whole);
    for (let at = 0; at <= text.length; at++) {
      expect(
        prefix([
          [0, text.slice(0, at)],
          [0, text.slice(at)],
        ]),
      ).toBe(whole);
    }
  });

  it('keeps the lines of hosts apart', () => {
    expect(
      prefix([
        [0, 'a'],
        [1, 'b'],
        [0, 'A\n'],
        [1, 'B'],
      ]),
    ).toBe('h0: aA\nh1: bB\n');
  });

  it('takes a line that comes byte by byte in time that grows with its length', () => {
    const byte = new Uint8Array([0x78]);
    const least = (bytes: number): number =>
      Math.min(
        ...[0, 1, 2, 3, 4].map(() => {
          const prefixer = new LinePrefixer(() => undefined);
          const begin = process.cpuUsage();
          for (let i = 0; i < bytes; i++) prefixer.push(0, 'h', byte);
          const { user, system } = process.cpuUsage(begin);
          return user + system;
        }),
      );
    // sixteen times as long; it was 150 times as much work
    expect(least(48_000)).toBeLessThan(48 * Math.max(least(3_000), 1_000));
  });

  it('shows a line that does not end in pieces', () => {
    const shown = prefix(Array.from({ length: 40 }, () => [0, 'x'.repeat(4096)] as const));
    expect(shown.split('\n').map(({ length }) => length)).toEqual([65_540, 65_540, 32_772, 0]);
  });
});

describe('Utf8Pieces', () => {
  const all = (chunks: readonly Uint8Array[]): OutputPiece[] => {
    const pieces = new Utf8Pieces();
    return [...chunks.flatMap((chunk) => pieces.push(chunk)), ...pieces.end()];
  };

  it('keeps a character whole that two chunks share', () => {
    const bytes = Buffer.from('aé€😀\uFEFFz');
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = all([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(pieces.map((piece) => ('text' in piece ? piece.text : '!')).join('')).toBe(
        'aé€😀\uFEFFz',
      );
    }
  });

  it('gives bytes that are no text as they are', () => {
    expect(all([Uint8Array.of(0x61, 0xff)])).toEqual([{ base64: 'Yf8=' }]);
    expect(all([Uint8Array.of(0x80)])).toEqual([{ base64: 'gA==' }]);
    expect(all([Uint8Array.of(0x61, 0xe2, 0x82)])).toEqual([{ text: 'a' }, { base64: '4oI=' }]);
  });
});
