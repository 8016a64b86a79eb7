/** The identification string (RFC 4253 §4.2) and the limits of what may stand around it. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError, SshError } from '../../src/errors.ts';
import {
  type Identification,
  IdentificationParser,
  ownIdentification,
} from '../../src/transport/identification.ts';
import type { Role } from '../../src/transport/role.ts';

const ROLES: readonly Role[] = ['client', 'server'];

/** Characters up to U+00FF as single bytes. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** What a parser finds in a text, and how many bytes it took for it; or with which error it ended. */
function parse(role: Role, text: string | Uint8Array): Identification | string | undefined {
  const parser = new IdentificationParser(role);
  try {
    for (const byte of typeof text === 'string' ? latin1(text) : text) {
      const found = parser.push(byte);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    if (!isSshError(error, 'protocol')) throw error;
    return `${String(error.detail.disconnectReason)} ${error.message}`;
  }
}

function textOf(role: Role, text: string): string | undefined {
  const found = parse(role, text);
  return typeof found === 'object' ? found.text : found;
}

const TOO_LONG = '2 identification longer than 255 characters';
const NO_SSH2 = '8 the peer does not speak SSH 2.0';
const NOT_FIRST = '2 the client did not begin with its identification';

describe.each(ROLES)('IdentificationParser of a %s', (role) => {
  it.each([
    ['CR LF', 'SSH-2.0-OpenSSH_9.2\r\n', 'SSH-2.0-OpenSSH_9.2'],
    ['a bare LF', 'SSH-2.0-OpenSSH_9.2\n', 'SSH-2.0-OpenSSH_9.2'],
    ['comments', 'SSH-2.0-x y z\r\n', 'SSH-2.0-x y z'],
    ['comments with bytes of eight bits', 'SSH-2.0-x caf\xe9 \xff\r\n', 'SSH-2.0-x caf\xe9 \xff'],
    ['a minus sign in the software', 'SSH-2.0-a-b\r\n', 'SSH-2.0-a-b'],
    ['no software at all', 'SSH-2.0-\r\n', 'SSH-2.0-'],
    ['a CR inside', 'SSH-2.0-a\rb\r\n', 'SSH-2.0-a\rb'],
    ['two CRs at the end', 'SSH-2.0-a\r\r\n', 'SSH-2.0-a\r'],
    ['253 characters', `SSH-2.0-${'x'.repeat(245)}\r\n`, `SSH-2.0-${'x'.repeat(245)}`],
  ])('takes %s', (_what, line, text) => {
    const found = parse(role, line);
    expect(found).toEqual({ text, bytes: latin1(text) });
  });

  it.each([
    ['254 characters', `SSH-2.0-${'x'.repeat(246)}\r\n`, TOO_LONG],
    ['254 characters and a bare LF', `SSH-2.0-${'x'.repeat(246)}\n`, TOO_LONG],
    ['a line that does not end', `SSH-2.0-${'x'.repeat(300)}`, TOO_LONG],
    ['a NUL byte', 'SSH-2.0-a\0b\r\n', '2 identification with a NUL byte'],
    ['SSH 1.5', 'SSH-1.5-x\r\n', NO_SSH2],
    ['SSH 3.0', 'SSH-3.0-x\r\n', NO_SSH2],
    ['SSH 2.00', 'SSH-2.00-x\r\n', NO_SSH2],
    ['no version', 'SSH-\r\n', NO_SSH2],
    ['a version that is not ended', 'SSH-2.0\r\n', NO_SSH2],
  ])('refuses %s', (_what, line, error) => {
    expect(parse(role, line)).toBe(error);
  });

  it('finds the same whatever is behind the line', () => {
    const parser = new IdentificationParser(role);
    const line = latin1('SSH-2.0-x\r\n');
    const found = [...line].map((byte) => parser.push(byte));
    expect(found.slice(0, -1).every((each) => each === undefined)).toBe(true);
    expect(found.at(-1)?.text).toBe('SSH-2.0-x');
  });

  it('takes no bytes for anything but an identification or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, prefixed) => {
        const found = parse(role, prefixed ? Buffer.concat([latin1('SSH-2.0-'), bytes]) : bytes);
        const text = typeof found === 'object' ? found.text : 'SSH-2.0-';
        expect(text.startsWith('SSH-')).toBe(true);
      }),
    );
  });
});

describe('SSH 1.99', () => {
  it('is a server that speaks SSH 2.0 too', () => {
    expect(textOf('client', 'SSH-1.99-x\r\n')).toBe('SSH-1.99-x');
  });

  it('is nothing that a client may say', () => {
    expect(textOf('server', 'SSH-1.99-x\r\n')).toBe(NO_SSH2);
  });
});

describe('lines before the identification', () => {
  const line = 'SSH-2.0-x\r\n';

  it('are passed over when a server sends them', () => {
    expect(textOf('client', `Welcome\r\n\nssh-2.0-not\nSSH\r\n${line}`)).toBe('SSH-2.0-x');
  });

  it('may be 1024', () => {
    expect(textOf('client', 'a\n'.repeat(1024) + line)).toBe('SSH-2.0-x');
    expect(textOf('client', 'a\n'.repeat(1025) + line)).toBe(
      '2 more than 1024 lines before the identification',
    );
  });

  it('may have 8192 bytes each', () => {
    expect(textOf('client', `${'a'.repeat(8192)}\n${line}`)).toBe('SSH-2.0-x');
    expect(textOf('client', 'a'.repeat(8193))).toBe(
      '2 line longer than 8192 bytes before the identification',
    );
  });

  it.each(['Welcome\r\n', '\r\n', '\n', 'GET / HTTP/1.1\r\n', 'SSH', 'ssh-2.0-x\r\n'])(
    'are nothing that a client may send: %j',
    (text) => {
      expect(textOf('server', `${text}${line}`)).toBe(NOT_FIRST);
    },
  );

  it('end a connection at the fourth byte that is not an identification', () => {
    expect(textOf('server', 'GET')).toBeUndefined();
    expect(textOf('server', 'GET ')).toBe(NOT_FIRST);
  });
});

describe('ownIdentification', () => {
  const text = (software?: string): string => Buffer.from(ownIdentification(software)).toString();

  it('names the software, and no CR LF', () => {
    expect(text()).toMatch(/^SSH-2\.0-rxssh_[0-9.]+$/);
    expect(text('mine_1.0 with a comment - so')).toBe('SSH-2.0-mine_1.0 with a comment - so');
  });

  it('is one that the parser takes', () => {
    for (const role of ROLES) expect(textOf(role, `${text()}\r\n`)).toBe(text());
  });

  it.each(['', 'a-b', 'a\r\nb', 'caf\u00e9', ' a', 'a\0', 'x'.repeat(246)])(
    'refuses the software version %j',
    (software) => {
      expect(() => ownIdentification(software)).toThrow(SshError);
    },
  );

  it('has room for 245 characters of it', () => {
    const longest = text('x'.repeat(245));
    expect(textOf('client', `${longest}\r\n`)).toBe(longest);
  });
});
