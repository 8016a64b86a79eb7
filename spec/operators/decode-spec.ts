import { describe, expect, it } from '@jest/globals';
import { map } from 'rxjs';
import { protocolError } from '../../src/errors.ts';
import { CONNECTION_MESSAGES } from '../../src/messages/connection.ts';
import { decode } from '../../src/operators/decode.ts';
import { encode } from '../../src/operators/encode.ts';
import { messageTable } from '../../src/wire/message.ts';
import { hex, marbles, ofKind } from '../support/marbles.ts';

const table = messageTable(CONNECTION_MESSAGES);
const eof = hex('60 00000007');

describe('decode', () => {
  it('reads a payload by the row of its number', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a-b|', {
        a: { sequenceNumber: 4, payload: eof },
        b: { sequenceNumber: 5, payload: hex('5e 00000007 00000002 6869') },
      });
      expectObservable(source.pipe(decode(() => table))).toBe('a-b|', {
        a: {
          sequenceNumber: 4,
          number: 96,
          message: { type: 'CHANNEL_EOF', recipientChannel: 7 },
          payload: eof,
        },
        b: {
          sequenceNumber: 5,
          number: 94,
          message: { type: 'CHANNEL_DATA', recipientChannel: 7, data: hex('6869') },
          payload: hex('5e 00000007 00000002 6869'),
        },
      });
    });
  });

  it('asks for the table before it reads a byte, with number and sequence number', () => {
    const asked: [number, number][] = [];
    marbles(({ cold, expectObservable }) => {
      const source = cold('a', { a: { sequenceNumber: 9, payload: hex('60 00') } });
      const refuses = (number: number, sequenceNumber: number): never => {
        asked.push([number, sequenceNumber]);
        throw protocolError('not now');
      };
      expectObservable(source.pipe(decode(refuses))).toBe('#', undefined, ofKind('protocol'));
    });
    expect(asked).toEqual([[96, 9]]);
  });

  it('passes over what it has no table for, and on what the table has no row for', () => {
    marbles(({ cold, expectObservable }) => {
      const payload = hex('c8 0102');
      const source = cold('a-b|', {
        a: { sequenceNumber: 0, payload: eof },
        b: { sequenceNumber: 1, payload },
      });
      expectObservable(source.pipe(decode((number) => (number === 96 ? undefined : table)))).toBe(
        '--b|',
        {
          b: { sequenceNumber: 1, number: 200, message: undefined, payload },
        },
      );
    });
  });

  it.each([
    ['truncated', '60 0000'],
    ['with bytes left over', '60 00000007 00'],
    ['CHANNEL_DATA, truncated', '5e 00000007 00000003 6869'],
    ['CHANNEL_DATA, with bytes left over', '5e 00000007 00000001 6869'],
  ])('refuses a message %s', (_name, digits) => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a-', { a: { sequenceNumber: 0, payload: hex(digits) } });
      expectObservable(source.pipe(decode(() => table))).toBe('#', undefined, ofKind('protocol'));
    });
  });
});

describe('encode', () => {
  it('writes messages, which are good until the next one', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a-b-a|', {
        a: { type: 'CHANNEL_EOF', recipientChannel: 7 } as const,
        b: { type: 'CHANNEL_DATA', recipientChannel: 7, data: hex('6869') } as const,
      });
      const written = source.pipe(
        encode(),
        map((writer) => writer.bytes()),
      );
      expectObservable(written).toBe('a-b-a|', { a: eof, b: hex('5e 00000007 00000002 6869') });
    });
  });

  it('errors for a message that is none', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a', { a: { type: 'NONE' } as never });
      const error = new TypeError('no message is called NONE');
      expectObservable(source.pipe(encode())).toBe('#', undefined, error);
    });
  });
});
