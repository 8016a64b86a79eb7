/** Every message and structure, from its row alone: what is written is read again, and nothing else is ever thrown. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { of } from 'rxjs';
import { ALL_MESSAGES, encodeMessage, type Message } from '../../src/messages/catalogue.ts';
import * as requests from '../../src/messages/channel-requests.ts';
import { CHANNEL_DATA } from '../../src/messages/connection.ts';
import * as forwarding from '../../src/messages/forwarding.ts';
import * as hostKeys from '../../src/messages/host-keys.ts';
import { decodeTerminalModes, encodeTerminalModes } from '../../src/messages/terminal-modes.ts';
import * as userauth from '../../src/messages/userauth.ts';
import { decode } from '../../src/operators/decode.ts';
import { encode } from '../../src/operators/encode.ts';
import type { Fields } from '../../src/wire/fields.ts';
import { type MessageRow, messageTable, readMessage } from '../../src/wire/message.ts';
import type { Struct } from '../../src/wire/struct.ts';
import { Writer } from '../../src/wire/writer.ts';
import { arbitraryMessage } from '../support/arbitraries.ts';
import { damage, damaged, reading } from '../support/damage.ts';
import { expectReadAsWritten } from '../support/structs.ts';

function payloadOf(message: Message): Uint8Array {
  const writer = new Writer();
  encodeMessage(message, writer);
  return writer.bytes();
}

const rows = ALL_MESSAGES.map((row): [string, MessageRow] => [row.type, row]);

describe.each(rows)('%s', (_type, row) => {
  const message = arbitraryMessage(row);

  it('is read as it was written', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(readMessage(row, payloadOf(value))).toEqual(value);
      }),
    );
  });

  it('begins with its number', () => {
    fc.assert(fc.property(message, (value) => payloadOf(value)[0] === row.number));
  });

  it('cut off anywhere, is a protocol error or a shorter message', () => {
    fc.assert(
      fc.property(message, (value) => {
        const payload = payloadOf(value);
        for (let length = 0; length < payload.length; length++) {
          const read = reading(() => readMessage(row, payload.subarray(0, length)));
          if (typeof read === 'string') expect(read).toBe('protocol');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('damaged, is a protocol error or some other message', () => {
    fc.assert(
      fc.property(message, damage, (value, how) => {
        const read = reading(() => readMessage(row, damaged(payloadOf(value), how)));
        if (typeof read === 'string') expect(read).toBe('protocol');
      }),
    );
  });
});

it('no two messages share a name', () => {
  expect(new Set(ALL_MESSAGES.map((row) => row.type)).size).toBe(ALL_MESSAGES.length);
});

it('a message that is none cannot be written', () => {
  expect(() => encodeMessage({ type: 'NONE' }, new Writer())).toThrow('no message is called NONE');
});

const structs = Object.values<unknown>({ ...requests, ...userauth, ...forwarding, ...hostKeys })
  .filter(
    (each): each is Struct<Fields> => typeof each === 'object' && each !== null && 'decode' in each,
  )
  .map((each): [string, Struct<Fields>] => [each.name, each]);

describe.each(structs)('%s', (_name, struct) => {
  it('is read as it was written, and refused when it is cut off or damaged', () =>
    expectReadAsWritten(struct));
});

describe('the hand-written path of CHANNEL_DATA', () => {
  const table = messageTable([CHANNEL_DATA]);
  const read = (payload: Uint8Array): unknown =>
    reading(() => {
      let message: unknown;
      let error: unknown;
      of({ payload, sequenceNumber: 0 })
        .pipe(decode(() => table))
        .subscribe({
          next: (inbound) => (message = inbound.message),
          error: (e: unknown) => (error = e),
        });
      if (error !== undefined) throw error as Error;
      return message;
    });

  it('writes what its row writes', () => {
    fc.assert(
      fc.property(arbitraryMessage(CHANNEL_DATA), (message) => {
        let written: Uint8Array | undefined;
        of(message)
          .pipe(encode())
          .subscribe((writer) => (written = writer.bytes()));
        expect(written).toEqual(payloadOf(message));
      }),
    );
  });

  it('reads what its row reads, and refuses what it refuses', () => {
    fc.assert(
      fc.property(
        arbitraryMessage(CHANNEL_DATA),
        damage,
        fc.boolean(),
        (message, how, isDamaged) => {
          const whole = payloadOf(message);
          // the number has been looked at already
          const payload = isDamaged
            ? Uint8Array.from([94, ...damaged(whole.subarray(1), how)])
            : whole;
          expect(read(payload)).toEqual(reading(() => readMessage(CHANNEL_DATA, payload)));
        },
      ),
    );
  });
});

describe('terminal modes', () => {
  it('are read as they were written', () => {
    const modes = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 159 }), fc.integer({ min: 0, max: 0xffff_ffff })),
      { selector: ([opcode]) => opcode },
    );
    fc.assert(
      fc.property(modes, (entries) => {
        const map = new Map(entries);
        expect(decodeTerminalModes(encodeTerminalModes(map))).toEqual(map);
      }),
    );
  });

  it('are read from anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(decodeTerminalModes(bytes).size).toBeLessThanOrEqual(bytes.length / 5);
      }),
    );
  });
});
