import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { identify } from '../../src/operators/identify.ts';
import type { Identification } from '../../src/transport/identification.ts';
import type { Role } from '../../src/transport/role.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import { chunkSizes, cut } from '../support/arbitraries.ts';
import { chunked, marbles, ofKind, utf8 } from '../support/marbles.ts';

/** What comes out of these chunks: the identification's text and the bytes behind it, or the kind of the error. */
function identified(
  role: Role,
  chunks: readonly Uint8Array[],
): { text?: string; rest?: string; error?: unknown } {
  const seen: { text?: string; rest?: string; error?: unknown } = {};
  const rest: Uint8Array[] = [];
  from(chunks)
    .pipe(identify(role, ({ text }) => (seen.text = text)))
    .subscribe({
      next: (chunk) => rest.push(chunk),
      error: (error: unknown) => (seen.error = isSshError(error) ? error.kind : error),
    });
  if (seen.error === undefined) seen.rest = new TextDecoder('latin1').decode(concatBytes(rest));
  return seen;
}

/** In one chunk, byte by byte, and split in two at every place: it is always the same. */
function always(role: Role, bytes: Uint8Array): { text?: string; rest?: string; error?: unknown } {
  const whole = identified(role, [bytes]);
  expect(identified(role, chunked(bytes, 1))).toEqual(whole);
  if (bytes.length < 1000) {
    for (let at = 0; at <= bytes.length; at++)
      expect(identified(role, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
  }
  return whole;
}

describe('identify', () => {
  it('takes the identification off, and passes on what follows', () => {
    marbles(({ cold, expectObservable }) => {
      const found: string[] = [];
      const chunks = {
        a: utf8('SSH-2.0-Open'),
        b: utf8('SSH_9.6\r\nrest'),
        c: utf8('more'),
      };
      const rest = { r: utf8('rest'), c: utf8('more') };
      expectObservable(
        cold('-a-b-c-|', chunks).pipe(identify('client', (each) => found.push(each.text))),
      ).toBe('---r-c-|', rest);
    });
  });

  it.each<[string, Role, string]>([
    ['CR LF', 'client', 'SSH-2.0-x\r\n'],
    ['LF alone', 'client', 'SSH-2.0-x\n'],
    ['comments', 'client', 'SSH-2.0-x comment here\r\n'],
    ['1.99, from a server', 'client', 'SSH-1.99-x\r\n'],
    ['lines before it, from a server', 'client', 'hello\r\n\r\nworld\nSSH-2.0-x\r\n'],
    ['a client', 'server', 'SSH-2.0-x\r\n'],
    ['255 characters', 'client', `SSH-2.0-${'x'.repeat(245)}\r\n`],
  ])('accepts %s', (_name, role, line) => {
    const text = /SSH-.*?(?=\r?\n)/.exec(line)?.[0];
    expect(always(role, utf8(`${line}rest\nSSH-2.0-rest\r\n`))).toEqual({
      text,
      rest: 'rest\nSSH-2.0-rest\r\n',
    });
  });

  it.each<[string, Role, string]>([
    ['another version', 'client', 'SSH-1.5-x\r\n'],
    ['1.99, from a client', 'server', 'SSH-1.99-x\r\n'],
    ['no version', 'client', 'SSH-\r\n'],
    ['a NUL byte', 'client', 'SSH-2.0-x\0y\r\n'],
    ['256 characters', 'client', `SSH-2.0-${'x'.repeat(246)}\r\n`],
    ['an endless identification', 'client', `SSH-2.0-${'x'.repeat(600)}`],
    ['lines before it, from a client', 'server', 'hello\r\nSSH-2.0-x\r\n'],
    ['another protocol, from a client', 'server', 'GET / HTTP/1.1'],
    ['a line of 8193 bytes before it', 'client', 'x'.repeat(8193)],
    ['1025 lines before it', 'client', 'x\n'.repeat(1025)],
  ])('refuses %s', (_name, role, line) => {
    expect(always(role, utf8(line)).error).toBe('protocol');
  });

  it('accepts 1024 lines of 8192 bytes before it, and keeps none of them', () => {
    const line = utf8(`${'x'.repeat(8191)}\n`);
    const chunks = [...Array.from({ length: 1024 }, () => line), utf8('SSH-2.0-x\n')];
    expect(identified('client', chunks)).toEqual({ text: 'SSH-2.0-x', rest: '' });
  });

  it('calls back once, before the first byte behind it', () => {
    const events: string[] = [];
    from([utf8('SSH-2.0-x\nabc'), utf8('SSH-2.0-y\n')])
      .pipe(identify('client', ({ text }: Identification) => events.push(text)))
      .subscribe((chunk) => events.push(new TextDecoder().decode(chunk)));
    expect(events).toEqual(['SSH-2.0-x', 'abc', 'SSH-2.0-y\n']);
  });

  it('emits nothing when nothing follows', () => {
    const chunks: Uint8Array[] = [];
    from([utf8('SSH-2.0-x\n')])
      .pipe(identify('client', () => undefined))
      .subscribe((chunk) => chunks.push(chunk));
    expect(chunks).toEqual([]);
  });

  it.each<[Role, string]>([
    ['server', 'SSH-2.0'],
    ['client', ''],
    ['client', '\r\n \r\n'],
  ])('passes completion on, to a %s behind %j', (role, text) => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('-a-|', { a: utf8(text) });
      expectObservable(source.pipe(identify(role, () => undefined))).toBe('---|');
    });
  });

  it.each([
    ['Exceeded MaxStartups\r\n', 'Exceeded MaxStartups'],
    ['\r\nHTTP/1.1 400 Bad Request\r\nServer: x\r\n', 'HTTP/1.1 400 Bad Request'],
    ['\u001b[2Jgone', '\\x1b[2Jgone'],
    [`${'x'.repeat(5000)}\n`, 'x'.repeat(256)],
  ])('quotes a server that says %j and leaves', (text, quoted) => {
    const errors: unknown[] = [];
    from([utf8(text)])
      .pipe(identify('client', () => undefined))
      .subscribe({ error: (error: unknown) => errors.push(error) });
    const head = 'connection lost: the peer closed the connection before it identified itself';
    expect(errors).toMatchObject([
      { kind: 'connection-lost', message: `${head}; it said: ${quoted}`, transient: true },
    ]);
  });

  it('makes what the callback throws its error', () => {
    marbles(({ cold, expectObservable }) => {
      const throws = (): never => {
        throw new Error('found');
      };
      const source = cold('-a', { a: utf8('SSH-2.0-x\n') });
      expectObservable(source.pipe(identify('client', throws))).toBe(
        '-#',
        undefined,
        new Error('found'),
      );
      const refused = cold('-a', { a: utf8('SSH-1.0-x\n') });
      expectObservable(refused.pipe(identify('client', throws))).toBe(
        '-#',
        undefined,
        ofKind('protocol'),
      );
    });
  });

  it('takes anything, in any chunks, with the same outcome', () => {
    const piece = fc.constantFrom('SSH-', '2.0-', '1.99-', 'x', '\r', '\n', '\r\n', ' ', '-', '\0');
    const bytes = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((pieces) => utf8(pieces.join(''))),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(
        bytes,
        chunkSizes,
        fc.constantFrom<Role>('client', 'server'),
        (all, sizes, role) => {
          const whole = identified(role, [all]);
          expect(identified(role, cut(all, sizes))).toEqual(whole);
          expect([undefined, 'protocol', 'connection-lost']).toContain(whole.error);
        },
      ),
    );
  });
});
