/** Both pipes, one behind the other: messages become bytes become messages, whatever happens to the bytes on the way. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from, Subject } from 'rxjs';
import { defaultProvider } from '#crypto';
import { isSshError } from '../../src/errors.ts';
import { ALL_MESSAGES, type Message } from '../../src/messages/catalogue.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';
import { inboundMessages, outboundBytes } from '../../src/streams/packet-pipeline.ts';
import { initialInbound, initialOutbound } from '../../src/transport/direction.ts';
import { concatBytes, utf8Bytes } from '../../src/wire/bytes.ts';
import { messageTable } from '../../src/wire/message.ts';
import { anyMessage, chunkSizes, cut } from '../support/arbitraries.ts';
import { openerOf, sealerOf, type Suite, SUITES } from '../support/suites.ts';

// some rows share a number; one of each is enough
const rows = ALL_MESSAGES.filter(
  (row, at) => ALL_MESSAGES.findIndex(({ number }) => number === row.number) === at,
);
const table = messageTable(rows);
const messages = fc.array(
  anyMessage.filter((message) => rows.some(({ type }) => type === message.type)),
  { minLength: 1, maxLength: 6 },
);

const IDENTIFICATION = utf8Bytes('SSH-2.0-spec\r\n');

/** What goes over the wire; keys are taken into use behind the first message. */
function sent(all: readonly Message[], suite: Suite | undefined): Uint8Array {
  const outbound = initialOutbound();
  const queue = new RunQueue();
  const messages$ = new Subject<Message>();
  const bytes: Uint8Array[] = [IDENTIFICATION];
  const reserve = (length: number): Uint8Array => new Uint8Array(length);
  outboundBytes(messages$, {
    ...{ outbound, queue, provider: defaultProvider, reserve },
    inspector: () => undefined,
  }).subscribe((each) => bytes.push(each));
  for (const message of all) {
    queue.run(() => messages$.next(message));
    if (outbound.packets === 1 && suite !== undefined)
      outbound.sealer = sealerOf(suite, defaultProvider);
  }
  return concatBytes(bytes);
}

/** What is made of these chunks. */
function received(
  chunks: readonly Uint8Array[],
  suite: Suite | undefined,
): { messages: unknown[]; error?: unknown } {
  const inbound = initialInbound();
  const seen: { messages: unknown[]; error?: unknown } = { messages: [] };
  inboundMessages(from(chunks), {
    role: 'client',
    inbound,
    queue: new RunQueue(),
    identified: () => undefined,
    tableFor: () => table,
  }).subscribe({
    next: ({ message }) => {
      seen.messages.push(message);
      if (inbound.packets === 1 && suite !== undefined)
        inbound.opener = openerOf(suite, defaultProvider);
    },
    error: (error: unknown) => (seen.error = isSshError(error) ? error.kind : error),
  });
  return seen;
}

const suites: [string, Suite | undefined][] = [
  ['without keys', undefined],
  ...SUITES.map((suite): [string, Suite] => [suite.name, suite]),
];

describe.each(suites)('%s', (_name, suite) => {
  it('the same messages come out of any chunks', () => {
    fc.assert(
      fc.property(messages, chunkSizes, (all, sizes) => {
        const bytes = sent(all, suite);
        expect(received(cut(bytes, sizes), suite)).toEqual({ messages: all });
        expect(received([bytes], suite)).toEqual({ messages: all });
      }),
      { numRuns: 25 },
    );
  });

  it('cut off anywhere, the messages before are all that comes', () => {
    fc.assert(
      fc.property(messages, fc.nat(), (all, where) => {
        const bytes = sent(all, suite);
        const { messages: some, error } = received(
          [bytes.subarray(0, where % bytes.length)],
          suite,
        );
        expect(error).toBeUndefined();
        expect(some).toEqual(all.slice(0, some.length));
      }),
      { numRuns: 25 },
    );
  });

  it('damaged anywhere, nothing but errors of ours is thrown, and under keys no other message is read', () => {
    fc.assert(
      fc.property(
        messages,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        chunkSizes,
        (all, where, change, sizes) => {
          const bytes = sent(all, suite);
          const at = where % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ change;
          const { messages: some, error } = received(cut(bytes, sizes), suite);
          // without its first line it is not a peer that speaks SSH
          expect([undefined, 'protocol', 'connection-lost']).toContain(error);
          if (suite === undefined) return;
          // the first message is not protected
          expect(some.slice(1)).toEqual(all.slice(1, some.length));
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('noise is an error of ours, or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), chunkSizes, (noise, sizes) => {
      const { error } = received(cut(concatBytes([IDENTIFICATION, noise]), sizes), undefined);
      expect([undefined, 'protocol']).toContain(error);
    }),
  );
});
