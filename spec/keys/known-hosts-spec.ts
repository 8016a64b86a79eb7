/** What known_hosts has to say about a key, as tables; what cannot be read never makes a host unknown. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { isSshError } from '../../src/errors.ts';
import { hashHostName } from '../../src/keys/host-patterns.ts';
import {
  formatKnownHostsLine,
  joinKnownHosts,
  type KnownHostsName,
  parseKnownHosts,
} from '../../src/keys/known-hosts.ts';
import { generatePrivateKey, privateKeyFromSeed } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';

const KEY = privateKeyFromSeed(new Uint8Array(32).fill(1)).publicKey;
const OTHER = privateKeyFromSeed(new Uint8Array(32).fill(2)).publicKey;
const ECDSA = generatePrivateKey('ecdsa').publicKey;
const KEY_LINE = formatPublicKeyLine(KEY);
const OTHER_LINE = formatPublicKeyLine(OTHER);
const ECDSA_LINE = formatPublicKeyLine(ECDSA);
const hashed = (name: string): string => hashHostName(name, defaultProvider);
const CUT = KEY_LINE.slice(0, -8);

interface Row {
  readonly what: string;
  readonly text: readonly string[];
  readonly name?: KnownHostsName;
  readonly expected: string;
}

// `KEY` is checked for the host `db1`; `expected` is the verdict and the line that led to it.
const VERDICTS: readonly Row[] = [
  { what: 'an empty file', text: [], expected: 'unknown' },
  { what: 'other hosts', text: [`db2 ${KEY_LINE}`], expected: 'unknown' },
  { what: 'the key', text: [`db1 ${KEY_LINE}`], expected: 'known 1' },
  { what: 'the key in another case', text: [`DB1 ${KEY_LINE}`], expected: 'known 1' },
  {
    what: 'the key for a name in another case',
    text: [`db1 ${KEY_LINE}`],
    name: { host: 'Db1' },
    expected: 'known 1',
  },
  { what: 'the key, hashed', text: [`${hashed('db1')} ${KEY_LINE}`], expected: 'known 1' },
  {
    what: 'the key after others',
    text: [`db1 ${OTHER_LINE}`, `db1 ${ECDSA_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'known 3',
  },
  { what: 'another key', text: [`db1 ${OTHER_LINE}`], expected: 'changed 1' },
  {
    what: 'another key and another type',
    text: [`db1 ${ECDSA_LINE}`, `db1 ${OTHER_LINE}`],
    expected: 'changed 2',
  },
  { what: 'another type only', text: [`# x`, `db1 ${ECDSA_LINE}`], expected: 'unknown-type 2' },
  {
    what: 'a type that is not supported',
    text: [`db1 ssh-unknown AAAAC3NzaC11bmtub3du`],
    expected: 'unknown-type 1',
  },

  // Ports.
  {
    what: 'the key on the port',
    text: [`db1 ${OTHER_LINE}`, `[db1]:2222 ${KEY_LINE}`],
    name: { host: 'db1', port: 2222 },
    expected: 'known 2',
  },
  {
    what: 'the key on another port',
    text: [`[db1]:2222 ${KEY_LINE}`],
    expected: 'unknown',
  },
  {
    what: 'the key on port 22 and nothing on this one',
    text: [`db1 ${KEY_LINE}`],
    name: { host: 'db1', port: 2222 },
    expected: 'known 1',
  },
  {
    what: 'another key on port 22 and nothing on this one',
    text: [`db1 ${OTHER_LINE}`],
    name: { host: 'db1', port: 2222 },
    expected: 'unknown',
  },
  {
    what: 'the key on port 22 and another on this one',
    text: [`db1 ${KEY_LINE}`, `[db1]:2222 ${OTHER_LINE}`],
    name: { host: 'db1', port: 2222 },
    expected: 'changed 2',
  },

  // Revocation.
  {
    what: 'the key, and revoked later',
    text: [`db1 ${KEY_LINE}`, `@revoked db1 ${KEY_LINE}`],
    expected: 'revoked 2',
  },
  {
    what: 'the key revoked, and valid later',
    text: [`@revoked * ${KEY_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'revoked 1',
  },
  { what: 'the key revoked only', text: [`@revoked * ${KEY_LINE}`], expected: 'revoked 1' },
  {
    what: 'the key revoked under a hashed name',
    text: [`@revoked ${hashed('db1')} ${KEY_LINE}`],
    expected: 'revoked 1',
  },
  {
    what: 'the key revoked on port 22',
    text: [`@revoked db1 ${KEY_LINE}`],
    name: { host: 'db1', port: 2222 },
    expected: 'revoked 1',
  },
  {
    what: 'another key revoked',
    text: [`@revoked * ${OTHER_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'known 2',
  },
  {
    what: 'another key revoked, and nothing else',
    text: [`@revoked * ${OTHER_LINE}`],
    expected: 'unknown',
  },
  {
    what: 'the key revoked for another host',
    text: [`@revoked db2 ${KEY_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'known 2',
  },
  {
    what: 'the key revoked for all but this host',
    text: [`@revoked *,!db1 ${KEY_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'known 2',
  },
  {
    what: 'the key, and a revocation that cannot be read',
    text: [`db1 ${KEY_LINE}`, `@revoked db1 ${CUT}`],
    expected: 'unreadable 2',
  },
  {
    what: 'the key, and a marker that is not known',
    text: [`@Revoked db1 ${KEY_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'unreadable 1',
  },
  {
    what: 'the key, and two markers',
    text: [`@cert-authority @revoked db1 ${OTHER_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'unreadable 1',
  },

  // Authorities.
  {
    what: 'an authority',
    text: [`@cert-authority *,db9 ${OTHER_LINE}`],
    expected: 'unsupported-authority 1',
  },
  {
    what: 'an authority that has this key itself',
    text: [`@cert-authority * ${KEY_LINE}`],
    expected: 'unsupported-authority 1',
  },
  {
    what: 'an authority, and the key',
    text: [`@cert-authority * ${OTHER_LINE}`, `db1 ${KEY_LINE}`],
    expected: 'known 2',
  },
  {
    what: 'an authority, and another key',
    text: [`@cert-authority * ${OTHER_LINE}`, `db1 ${OTHER_LINE}`],
    expected: 'changed 2',
  },
  {
    what: 'an authority for other hosts',
    text: [`@cert-authority *.example.com ${OTHER_LINE}`],
    expected: 'unknown',
  },
  {
    what: 'an authority that cannot be read',
    text: [`@cert-authority * ${CUT}`],
    expected: 'unsupported-authority 1',
  },

  // Lines that cannot be read.
  { what: 'half a key', text: [`db1 ${CUT}`], expected: 'unreadable 1' },
  { what: 'half a key, and the key', text: [`db1 ${CUT}`, `db1 ${KEY_LINE}`], expected: 'known 2' },
  { what: 'no key', text: [`db1`], expected: 'unreadable 1' },
  {
    what: 'a type that the blob denies',
    text: [`db1 ssh-rsa ${KEY_LINE.split(' ')[1]!}`],
    expected: 'unreadable 1',
  },
  { what: 'half a key of another host', text: [`db2 ${CUT}`], expected: 'unknown' },
  {
    what: 'a line that is too long',
    text: [`db1 ${KEY_LINE} ${'x'.repeat(65536)}`],
    expected: 'unreadable 1',
  },
  {
    what: 'a line that is too long, with the key at its end',
    text: [`db2 ${' '.repeat(65536)}db1 ${KEY_LINE}`],
    expected: 'unknown',
  },

  // Addresses.
  {
    what: 'the key, and the same for the address',
    text: [`db1 ${KEY_LINE}`, `192.0.2.1 ${KEY_LINE}`],
    name: { host: 'db1', address: '192.0.2.1' },
    expected: 'known 1',
  },
  {
    what: 'the key, and another for the address',
    text: [`db1 ${KEY_LINE}`, `192.0.2.1 ${OTHER_LINE}`],
    name: { host: 'db1', address: '192.0.2.1' },
    expected: 'changed 2',
  },
  {
    what: 'the key for the address only',
    text: [`192.0.2.1 ${KEY_LINE}`],
    name: { host: 'db1', address: '192.0.2.1' },
    expected: 'unknown',
  },
  {
    what: 'the key, and revoked for the address',
    text: [`db1 ${KEY_LINE}`, `@revoked 192.0.2.* ${KEY_LINE}`],
    name: { host: 'db1', address: '192.0.2.1' },
    expected: 'revoked 2',
  },
];

describe('known_hosts', () => {
  it.each(VERDICTS)('F5: with $what says $expected', ({ text, name, expected }) => {
    const knownHosts = parseKnownHosts(text.join('\n'), 'kh');
    const { verdict, file, line } = knownHosts.check(name ?? { host: 'db1' }, KEY);
    expect(line === undefined ? verdict : `${verdict} ${String(line)}`).toBe(expected);
    expect(file).toBe(line === undefined ? undefined : 'kh');
  });

  it('F5: lets a revocation in one file win over all others', () => {
    const user = parseKnownHosts(`db1 ${KEY_LINE}\n`, 'user');
    const system = parseKnownHosts(`\n@revoked * ${KEY_LINE}\n`, 'system');
    for (const files of [
      [user, system],
      [system, user],
    ]) {
      expect(joinKnownHosts(files).check({ host: 'db1' }, KEY)).toEqual({
        verdict: 'revoked',
        file: 'system',
        line: 2,
        knownTypes: ['ssh-ed25519'],
      });
    }
  });

  it('knows the types of the keys of a host, in their order', () => {
    const knownHosts = parseKnownHosts(
      [
        `db1 ${ECDSA_LINE}`,
        `db1 ${KEY_LINE}`,
        `db1 ${OTHER_LINE}`,
        `@revoked db1 ssh-unknown AAAAC3NzaC11bmtub3du`,
        `db1 ssh-rsa broken`,
        `[db2]:2222 ${KEY_LINE}`,
      ].join('\n'),
      'kh',
    );
    expect(knownHosts.knownTypes('db1')).toEqual(['ecdsa-sha2-nistp256', 'ssh-ed25519']);
    expect(knownHosts.knownTypes('db1', 2222)).toEqual(['ecdsa-sha2-nistp256', 'ssh-ed25519']);
    expect(knownHosts.knownTypes('db2')).toEqual([]);
    expect(knownHosts.knownTypes('db2', 2222)).toEqual(['ssh-ed25519']);
    expect(knownHosts.check({ host: 'db1' }, KEY).knownTypes).toHaveLength(2);
  });

  it.each([
    ['no key', `db1`, 'no key after the hosts'],
    ['no hosts', `@revoked`, 'marker without hosts'],
    [
      'a marker that is not known',
      `@x db1 ${KEY_LINE}`,
      'marker that is not known, or more than one marker',
    ],
    [
      'two markers',
      `@revoked @revoked db1 ${KEY_LINE}`,
      'marker that is not known, or more than one marker',
    ],
    ['a bad hash', `|1|x|y ${KEY_LINE}`, 'hashed host name that is malformed'],
    ['a bad hash of another kind', `|3|x|y ${KEY_LINE}`, 'hashed host name that is malformed'],
    ['a long line', 'x'.repeat(65537), 'line of 65537 characters'],
    [
      'another type',
      `db1 ssh-rsa ${KEY_LINE.split(' ')[1]!}`,
      'public key: declared as ssh-rsa, is ssh-ed25519',
    ],
    ['no base64', `db1 ssh-rsa a*b`, 'public key: not base64'],
    [
      'control characters',
      `db1 \u001b[2J AAAAC3NzaC11bmtub3du`,
      'public key: declared as \\x1b[2J, is ssh-unknown',
    ],
  ])('F4: reports a line with %s', (_what, line, message) => {
    const { problems } = parseKnownHosts(`# first\r\n${line}\n`, 'kh');
    expect(problems).toEqual([{ file: 'kh', line: 2, message }]);
  });

  it('F13: reads any text, in linear time', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom(
              ' ',
              '\t',
              '\n',
              '\r',
              '@revoked',
              '@',
              '|1|',
              '!',
              '*',
              ',',
              'db1',
              KEY_LINE,
              CUT,
            ),
          ),
        ),
        (parts) => {
          const { verdict } = parseKnownHosts(parts.join(''), 'kh').check({ host: 'db1' }, KEY);
          expect(typeof verdict).toBe('string');
        },
      ),
    );
    const started = performance.now();
    const long = parseKnownHosts(`${'a,'.repeat(30_000)} ${KEY_LINE}\n`.repeat(20), 'kh');
    long.check({ host: 'a'.repeat(255) }, KEY);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('formatKnownHostsLine', () => {
  it('writes the name in lower case, and the port unless it is 22', () => {
    expect(formatKnownHostsLine('DB1', 22, KEY)).toBe(`db1 ${KEY_LINE}`);
    expect(formatKnownHostsLine('db1', 2222, KEY)).toBe(`[db1]:2222 ${KEY_LINE}`);
    expect(formatKnownHostsLine('::1', 22, KEY)).toBe(`::1 ${KEY_LINE}`);
  });

  it('writes hashed names that no two lines share', () => {
    const line = formatKnownHostsLine('db1', 22, KEY, { hash: true });
    expect(line).toMatch(/^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}= ssh-ed25519 /);
    expect(formatKnownHostsLine('db1', 22, KEY, { hash: true })).not.toBe(line);
    expect(parseKnownHosts(line, 'kh').check({ host: 'db1' }, KEY).verdict).toBe('known');
  });

  it.each([
    '',
    'a b',
    'a\tb',
    'a\nb',
    'a\rb',
    'a\u0000b',
    'a\u2028b',
    'a\u00a0b',
    'a,b',
    '*',
    'a?b',
    '!a',
    '|1|x',
    '@revoked',
    '#a',
    '[a]',
    'x'.repeat(1025),
  ])('F8: refuses the host %j', (host) => {
    for (const hash of [false, true]) {
      expect(() => formatKnownHostsLine(host, 22, KEY, { hash })).toThrow(
        expect.objectContaining({ kind: 'config' }),
      );
    }
  });

  it.each([0, -1, 65536, 1.5, NaN])('refuses port %d', (port) => {
    try {
      formatKnownHostsLine('db1', port, KEY);
    } catch (error) {
      expect(isSshError(error, 'config')).toBe(true);
      return;
    }
    throw new Error('it should have thrown');
  });
});
