/** authorized_keys: a line that is not wholly understood gives no key. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AuthorizedKey, parseAuthorizedKeys } from '../../src/keys/authorized-keys.ts';
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
        { publicKey: KEY, comment: 'me at work', line: 3, permissions: {} },
        { publicKey: ECDSA, comment: '', line: 4, permissions: {} },
      ],
      problems: [],
    });
  });

  it.each([
    ['an option that is not known', `frobnicate ${LINE}`],
    ['cert-authority', `cert-authority ${LINE}`],
    ['tunnel', `tunnel="1" ${LINE}`],
    ['principals', `principals="a" ${LINE}`],
    ['an unknown option behind a known one', `no-pty,frobnicate ${LINE}`],
    ['a known option behind an unknown one', `frobnicate="x",no-pty ${LINE}`],
    ['no option behind a comma', `no-pty, ${LINE}`],
    ['no option before a comma', `,no-pty ${LINE}`],
    ['two commas', `no-pty,,no-user-rc ${LINE}`],
    ['an equals sign without a value', `command= ${LINE}`],
    ['a value without quotes', `command=date ${LINE}`],
    ['a value that is not wanted', `no-pty="yes" ${LINE}`],
    ['a value that is missing', `command ${LINE}`],
    ['text behind a quote', `command="x"y ${LINE}`],
    ['a quote that is escaped and does not end', `command="x\\" ${LINE}`],
    ['a space around the equals sign', `command ="x" ${LINE}`],
    ['two commands', `command="x",command="x" ${LINE}`],
    ['an empty command', `command="" ${LINE}`],
    ['no- in front of what cannot be denied', `no-command="x" ${LINE}`],
    ['no-restrict', `no-restrict ${LINE}`],
    ['from nowhere (AS19)', `from="" ${LINE}`],
    ['two from', `from="10.0.0.1",from="10.0.0.2" ${LINE}`],
    ['from a network with bits behind its prefix', `from="10.0.0.1/8" ${LINE}`],
    ['from a network that is none', `from="10.0.0.0/33" ${LINE}`],
    ['from an empty pattern', `from="10.0.0.1,,10.0.0.2" ${LINE}`],
    ['from all but a name', `from="*,!bad.example.org" ${LINE}`],
    ['a day that there is none of', `expiry-time="20260231" ${LINE}`],
    ['an hour that there is none of', `expiry-time="202601012400" ${LINE}`],
    ['a time in words', `expiry-time="tomorrow" ${LINE}`],
    ['a variable without a name', `environment="=x" ${LINE}`],
    ['a variable without a value', `environment="X" ${LINE}`],
    ['a variable with a bad name', `environment="A-B=x" ${LINE}`],
    ['permitopen without a port', `permitopen="db" ${LINE}`],
    ['permitopen with a port alone', `permitopen="5432" ${LINE}`],
    ['permitopen with a port that is none', `permitopen="db:65536" ${LINE}`],
    ['permitopen of a path', `permitopen="/run/db.sock" ${LINE}`],
    ['permitlisten with a pattern for a host', `permitlisten="10.*:80" ${LINE}`],
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

  it('F13: reads any text', () => {
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

  const restricted = {
    ...{ portForwarding: false, agentForwarding: false, x11Forwarding: false },
    ...{ pty: false, userRc: false },
  };
  it.each<[string, Partial<AuthorizedKey>]>([
    ['no-pty', { permissions: { pty: false } }],
    ['NO-X11-Forwarding', { permissions: { x11Forwarding: false } }],
    ['no-pty,pty', { permissions: { pty: true } }],
    ['restrict', { permissions: restricted }],
    [
      'restrict,pty,port-forwarding,agent-forwarding,X11-forwarding,user-rc',
      {
        permissions: {
          ...{ pty: true, portForwarding: true, agentForwarding: true },
          ...{ x11Forwarding: true, userRc: true },
        },
      },
    ],
    ['pty,restrict', { permissions: restricted }],
    ['command="echo \\"a, b\\"  c"', { permissions: { command: 'echo "a, b"  c' } }],
    ['command="a,b \\"c\\""', { permissions: { command: 'a,b "c"' } }],
    ['command="printf \\n"', { permissions: { command: 'printf \\n' } }],
    ['command="ssh-ed25519 AAAA"', { permissions: { command: 'ssh-ed25519 AAAA' } }],
    ['command="# x"', { permissions: { command: '# x' } }],
    [
      'environment="A=1",environment="B=x=y",environment="A=2"',
      { permissions: { environment: { A: '1', B: 'x=y' } } },
    ],
    [
      'permitopen="db:5432",permitopen="[::1]:*",permitlisten="8080",permitlisten="localhost:*"',
      {
        permissions: {
          ...{ permitOpen: ['db:5432', '[::1]:*'], permitListen: ['*:8080', 'localhost:*'] },
        },
      },
    ],
    [
      'from="10.0.0.0/8,!10.1.0.0/16,::1,*.example.org,192.168.?.1"',
      { from: ['10.0.0.0/8', '!10.1.0.0/16', '::1', '*.example.org', '192.168.?.1'] },
    ],
    ['expiry-time="20260102Z"', { expires: new Date('2026-01-02T00:00:00Z') }],
    ['expiry-time="202601021504Z"', { expires: new Date('2026-01-02T15:04:00Z') }],
    ['expiry-time="20260102150405"', { expires: new Date(2026, 0, 2, 15, 4, 5) }],
    [
      'expiry-time="20270101Z",expiry-time="20260101Z",expiry-time="20280101Z"',
      { expires: new Date('2026-01-01T00:00:00Z') },
    ],
  ])('reads %s', (options, expected) => {
    const { entries, problems } = parseAuthorizedKeys(` ${options} \t ${LINE} me`, 'ak');
    expect(problems).toEqual([]);
    expect(entries).toEqual([
      { publicKey: KEY, comment: 'me', line: 1, permissions: {}, ...expected },
    ]);
  });

  it('passes a long line over whole (AS21)', () => {
    const long = `command="${'x'.repeat(65_536)}" ${LINE}`;
    expect(parseAuthorizedKeys(long, 'ak').entries).toEqual([]);
  });

  it('reads options in time that grows with their length', () => {
    const began = performance.now();
    for (const hostile of ['\\"', '\\', 'a=', ',', '"', 'a="', '\\"\\'])
      parseAuthorizedKeys(`command="${hostile.repeat(60_000 / hostile.length)}`, 'ak');
    expect(performance.now() - began).toBeLessThan(500);
  });
});
