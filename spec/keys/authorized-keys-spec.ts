/** authorized_keys: a line that is not wholly understood gives no key. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseAuthorizedKeys } from '../../src/keys/authorized-keys.ts';
import { generatePrivateKey, privateKeyFromSeed } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';

const KEY = privateKeyFromSeed(new Uint8Array(32).fill(1)).publicKey;
const LINE = formatPublicKeyLine(KEY);
const ECDSA = generatePrivateKey('ecdsa').publicKey;

describe('authorized_keys', () => {
  it('gives keys with their comments and lines', () => {
    const text = `# who may log in\n\n${LINE} me at work\n \t${formatPublicKeyLine(ECDSA)}\r\n   \n  # end\n`;
    expect(parseAuthorizedKeys(text, 'ak')).toEqual({
      entries: [
        { publicKey: KEY, comment: 'me at work', line: 3 },
        { publicKey: ECDSA, comment: '', line: 4 },
      ],
      problems: [],
    });
  });

  it.each([
    ['an option', `no-pty ${LINE}`],
    ['a command', `command="echo \\"a, b\\"" ${LINE}`],
    ['a command that looks like a key', `command="ssh-ed25519 AAAA" ${LINE}`],
    ['an option that is not known', `frobnicate ${LINE}`],
    ['restrict', `restrict ${LINE}`],
    ['cert-authority', `cert-authority ${LINE}`],
    ['from', `from="*.example.com",no-pty\t${LINE}`],
    ['options without a key', `command="x"`],
    ['a quote that does not end', `command="x ${LINE}`],
    ['a marker of known_hosts', `@revoked * ${LINE}`],
    ['a host name', `db1 ${LINE}`],
    ['half a key', LINE.slice(0, -8)],
    ['no key', 'ssh-ed25519'],
    ['another type than declared', `ssh-rsa ${LINE.split(' ')[1]!}`],
    ['a type that is not supported', 'ssh-unknown AAAAC3NzaC11bmtub3du'],
    ['a long line', `${'x'.repeat(65536)} ${LINE}`],
    ['a long line whose tail is a key', `# ${LINE} ${' '.repeat(65536)}${LINE}`.slice(2)],
    ['a carriage return within', `ssh-ed25519 x\r${LINE}`],
    ['the type in capitals', LINE.replace('ssh-ed25519', 'SSH-ED25519')],
  ])('refuses a line with %s', (_what, line) => {
    const { entries, problems } = parseAuthorizedKeys(`${LINE}\n${line}\n`, 'ak');
    expect(entries).toHaveLength(1);
    expect(problems).toEqual([{ file: 'ak', line: 2, message: expect.any(String) }]);
  });

  it('reads no more than 10,000 lines', () => {
    expect(parseAuthorizedKeys('#\n'.repeat(10_000), 'ak').problems).toEqual([]);
    const { entries, problems } = parseAuthorizedKeys(`${'#\n'.repeat(10_000)}${LINE}\n`, 'ak');
    expect(entries).toEqual([]);
    expect(problems).toHaveLength(1);
  });

  it('reads any text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('\n', '\r', ' ', '"', LINE, 'command="'))),
        (parts) => {
          const { entries } = parseAuthorizedKeys(parts.join(''), 'ak');
          expect(entries.every(({ publicKey }) => publicKey.type === 'ssh-ed25519')).toBe(true);
        },
      ),
    );
  });
});
