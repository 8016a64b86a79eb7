import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { map, mergeMap, take, toArray } from 'rxjs';
import { holdCredit, type Release } from '../../../src/operators/credit.ts';
import { drain } from '../../../src/operators/drain.ts';
import { encodePacket, type PacketOf, type ReplyPacket } from '../../../src/sftp/packets.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { concatBytes } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { data, handle, OneFile, SftpScript, status } from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

/** Bytes of which none is like its neighbours. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

/** Lets things happen until nothing changes any more. */
async function settled(what: () => number): Promise<void> {
  for (let before = -1; before !== what();) {
    before = what();
    for (let i = 0; i < 5; i++) await turn();
  }
}

const MiB = 1024 * 1024;

/** A script whose READs are answered by `read` and everything else as by a server with one file. */
function readsBy(
  file: OneFile,
  read: (request: PacketOf<'READ'>) => readonly (ReplyPacket | Uint8Array)[],
  length = 10,
): SftpScript {
  return new SftpScript({
    length,
    answer: (request) => (request.type === 'READ' ? read(request) : file.answer(request)),
  });
}

async function readAll(script: SftpScript, range = {}): Promise<unknown> {
  const fs = await script.client();
  const seen = await allOf(fs.read('/f', range).pipe(toArray(), map(concatBytes), map(toNumbers)));
  return seen.length === 2 ? seen[0] : seen.at(-1);
}

function toNumbers(bytes: Uint8Array): number[] {
  return [...bytes];
}

describe('reading a file', () => {
  it.each([0, 1, 9, 10, 11, 20, 95, 1000])('of %s bytes gives all of them', async (length) => {
    const file = new OneFile(pattern(length));
    const script = new SftpScript({ length: 10, answer: file.answer });
    expect(await readAll(script)).toEqual(toNumbers(file.content));
    await turn();
    expect(file.openHandles).toBe(0);
  });

  it.each([
    [{ start: 5 }, 5, 100],
    [{ start: 5, end: 7 }, 5, 7],
    [{ end: 30 }, 0, 30],
    [{ start: 7, end: 7 }, 7, 7],
    [{ start: 99, end: 1000 }, 99, 100],
    [{ start: 100 }, 100, 100],
    [{ start: 2 ** 50 }, 0, 0],
  ])('in the range %j', async (range, start, end) => {
    const file = new OneFile(pattern(100));
    const script = new SftpScript({ length: 10, answer: file.answer });
    expect(await readAll(script, range)).toEqual(toNumbers(file.content.subarray(start, end)));
  });

  it.each([
    { start: -1 },
    { start: 1.5 },
    { start: 2 ** 53 },
    { start: 5, end: 4 },
    { end: Number.NaN },
    { end: 2 ** 53 },
  ])('refuses the range %j (SC12)', async (range) => {
    const file = new OneFile('x');
    const script = new SftpScript({ answer: file.answer });
    expect(await readAll(script, range)).toMatchObject({ kind: 'config' });
    await turn();
    expect(file.openHandles).toBe(0);
  });

  it('beyond 4 GiB asks for the right place', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [status(id, StatusCode.EOF)]);
    await readAll(script, { start: 5 * 2 ** 30 + 3 });
    expect(script.of('READ')[0]?.offset).toBe(5n * 2n ** 30n + 3n);
  });

  it('gives the same bytes in whatever order, and in whatever pieces, the answers come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 300 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 10 })), { minLength: 1 }),
        async (length, choices) => {
          const file = new OneFile(pattern(length));
          const waiting: PacketOf<'READ'>[] = [];
          const script = readsBy(file, (request) => {
            waiting.push(request);
            return [];
          });
          const read = readAll(script);
          for (let i = 0, idle = 0; idle < 5; i++) {
            await turn();
            const [which, most] = choices[i % choices.length] ?? [0, 1];
            const [request] = waiting.splice(which % Math.max(1, waiting.length), 1);
            if (request === undefined) idle++;
            else await script.say(file.read(request, most));
          }
          expect(await read).toEqual(toNumbers(file.content));
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it('begins with one request and lets out more as full answers come', async () => {
    const file = new OneFile(pattern(10_000));
    const script = readsBy(file, () => []);
    const fs = await script.client();
    const reading = fs.read('/f').subscribe();
    await turn();
    const counts: number[] = [];
    for (let round = 0; round < 4; round++) {
      const reads = script.of('READ');
      counts.push(reads.length);
      script.requests.length = 0;
      await script.say(...reads.map((request) => file.read(request)));
    }
    expect(counts).toEqual([1, 2, 4, 8]);
    reading.unsubscribe();
  });

  it('asks for no more than the consumer has credit for', async () => {
    const file = new OneFile(new Uint8Array(8 * MiB));
    const script = new SftpScript({ length: MiB / 16, answer: file.answer });
    const fs = await script.client();
    const held: Release[] = [];
    let chunks = 0;
    const reading = fs.read('/f').subscribe(() => {
      // the first ones pass, so that the budget is what it is for a fast consumer
      if (++chunks > 40) held.push(holdCredit());
    });
    await settled(() => held.length);
    const asked = (): number => script.of('READ').length - 40;
    // several are asked for in one write, so the last few wait for others
    expect(asked()).toBeGreaterThan(24);
    expect(asked()).toBeLessThanOrEqual(32);
    const before = asked();
    const released = 8;
    for (const release of held.splice(0, released)) release();
    await settled(() => held.length);
    expect(asked()).toBeGreaterThan(before);
    expect(asked() - released).toBeLessThanOrEqual(32);
    reading.unsubscribe();
  });

  it('asks for a bounded number of blocks of a server that wants them tiny', async () => {
    const script = readsBy(
      new OneFile(pattern(5000)),
      (request) => (request.offset < 2000n ? [data(request.id, 'x')] : []),
      1,
    );
    const fs = await script.client();
    const reading = fs.read('/f').subscribe();
    await settled(() => script.requests.length);
    expect(script.of('READ')).toHaveLength(2000 + 512);
    reading.unsubscribe();
  });

  it('works at the pace of drain, and completes behind it', async () => {
    const file = new OneFile(pattern(95));
    const script = new SftpScript({ length: 10, answer: file.answer });
    const fs = await script.client();
    const chunks = await allOf(
      fs.read('/f').pipe(drain(async (chunk) => turn().then(() => chunk.length))),
    );
    expect(chunks).toEqual([...new Array<number>(9).fill(10), 5, 'complete']);
  });

  it('ends where the file ends first, and drops what a file that has grown meanwhile has behind it', async () => {
    const asked: PacketOf<'READ'>[] = [];
    const script = readsBy(new OneFile(), (request) => {
      asked.push(request);
      return [];
    });
    const read = readAll(script);
    const answer = async (
      offset: number,
      reply: (request: PacketOf<'READ'>) => ReplyPacket,
    ): Promise<void> => {
      await turn();
      const [request] = asked.splice(
        asked.findIndex((each) => Number(each.offset) === offset),
        1,
      );
      if (request !== undefined) await script.say(reply(request));
    };
    await answer(0, ({ id }) => data(id, 'aaaaaaaaaa'));
    await answer(20, ({ id }) => data(id, 'cccccccccc'));
    await answer(10, ({ id }) => data(id, 'bbb'));
    await answer(13, ({ id }) => status(id, StatusCode.EOF));
    expect(await read).toEqual([...Buffer.from('aaaaaaaaaabbb')]);
    await turn();
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('hands on what came before a refusal, and then its error', async () => {
    const script = readsBy(new OneFile(), ({ id, offset }) =>
      offset === 0n
        ? [data(id, 'aaaaaaaaaa')]
        : [status(id, StatusCode.PERMISSION_DENIED, 'not yours')],
    );
    const fs = await script.client();
    expect(await allOf(fs.read('/f'))).toMatchObject([
      'aaaaaaaaaa',
      {
        kind: 'sftp',
        message: 'read /f: not yours',
        detail: { name: 'PERMISSION_DENIED', operation: 'read', path: '/f', position: 10 },
      },
    ]);
    await turn();
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('goes on one at a time with a server that refuses requests side by side', async () => {
    const file = new OneFile(pattern(200));
    let atWork = 0;
    let wasRefused = false;
    const script: SftpScript = readsBy(file, (request) => {
      atWork++;
      void turn().then(() => {
        const isAlone = atWork === 1;
        wasRefused ||= !isAlone;
        const reply = isAlone ? file.read(request) : status(request.id, StatusCode.FAILURE);
        atWork--;
        void script.say(reply);
      });
      return [];
    });
    expect(await readAll(script)).toEqual(toNumbers(file.content));
    expect(wasRefused).toBe(true);
  });

  it('believes a server that refuses a lone request at once', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [status(id, StatusCode.FAILURE)]);
    expect(await readAll(script)).toMatchObject({ kind: 'sftp', detail: { name: 'FAILURE' } });
    expect(script.of('READ')).toHaveLength(1);
  });
});

describe('answers that no honest server gives', () => {
  it('DATA of more than was asked for ends the session (SC5)', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [data(id, 'twenty bytes of data')]);
    expect(await readAll(script)).toMatchObject({ kind: 'protocol' });
    await turn();
    expect(script.isGone).toBe(true);
  });

  it('DATA without data ends the session after a few (SC6)', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [data(id, '')]);
    expect(await readAll(script)).toMatchObject({ kind: 'protocol' });
    expect(script.of('READ').length).toBeLessThanOrEqual(5);
  });

  it('a STATUS of OK for a READ ends the session (SC4)', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [status(id)]);
    expect(await readAll(script)).toMatchObject({ kind: 'protocol' });
  });

  it('an answer of another type ends the session (SC4)', async () => {
    const script = readsBy(new OneFile(), ({ id }) => [handle(id)]);
    expect(await readAll(script)).toMatchObject({ kind: 'protocol' });
  });

  it('a length of DATA past its packet ends the session (SC5)', async () => {
    const script = readsBy(new OneFile(), ({ id }) => {
      const packet = encodePacket(data(id, 'abc'));
      packet[12] = 4;
      return [packet];
    });
    expect(await readAll(script)).toMatchObject({ kind: 'protocol' });
  });
});

describe('64 blocks at once (X24)', () => {
  /** A reader that has asked for that many, and none was answered. */
  async function asking(file: OneFile): Promise<{
    readonly script: SftpScript;
    readonly fs: SftpClient;
    readonly waiting: PacketOf<'READ'>[];
    readonly seen: Promise<unknown[]>;
  }> {
    const waiting: PacketOf<'READ'>[] = [];
    const script = readsBy(file, (request) => {
      if (waiting.length === 0 && request.offset < 1280n) return [file.read(request)];
      waiting.push(request);
      return [];
    });
    const fs = await script.client();
    const seen = allOf(fs.read('/f').pipe(map((chunk) => [...chunk])));
    await settled(() => waiting.length);
    expect(waiting.length).toBeGreaterThanOrEqual(64);
    return { script, fs, waiting, seen };
  }

  it('are put together, the last one answered first', async () => {
    const file = new OneFile(pattern(2560));
    const { script, waiting, seen } = await asking(file);
    while (waiting.length > 0) {
      await turn();
      await script.say(
        ...waiting
          .splice(0)
          .reverse()
          .map((request) => file.read(request)),
      );
    }
    const [end, ...chunks] = (await seen).reverse();
    expect(end).toBe('complete');
    expect(chunks.reverse().flat()).toEqual(toNumbers(file.content));
  });

  it('of which one cannot be read have it asked for once more, alone', async () => {
    const file = new OneFile(pattern(10_000));
    const { script, waiting, seen } = await asking(file);
    const [bad, ...others] = waiting.splice(0);
    await script.say(status(bad!.id, StatusCode.FAILURE));
    await script.say(...others.map((request) => file.read(request)));
    await settled(() => waiting.length);
    expect(waiting.map(({ offset }) => offset)).toEqual([bad!.offset]);
    await script.say(status(waiting[0]!.id, StatusCode.FAILURE, 'a bad block'));
    const [end, ...chunks] = (await seen).reverse();
    expect(end).toMatchObject({ kind: 'sftp', message: 'read /f: a bad block' });
    expect(chunks.flat()).toHaveLength(Number(bad!.offset));
  });

  it('of which one fails give what is before it, and leave the others', async () => {
    const file = new OneFile(pattern(10_000));
    const { script, fs, waiting, seen } = await asking(file);
    const first = Number(waiting[0]?.offset);
    const asked = waiting.splice(0);
    await script.say(status(asked[30]!.id, StatusCode.PERMISSION_DENIED, 'a bad block'));
    await script.say(...asked.slice(0, 30).map((request) => file.read(request)));
    const [end, ...chunks] = (await seen).reverse();
    expect(end).toMatchObject({ kind: 'sftp', message: 'read /f: a bad block' });
    expect(chunks.reverse().flat()).toEqual(toNumbers(file.content.subarray(0, first + 300)));
    await turn();
    expect(file.openHandles).toBe(0);
    const before = script.of('READ').length;
    await script.say(...asked.slice(31).map((request) => file.read(request)));
    expect(script.of('READ')).toHaveLength(before);
    // the session goes on
    expect(await allOf(fs.exists('/x'))).toMatchObject([{ kind: 'sftp' }]);
    expect(script.isGone).toBe(false);
  });
});

describe('unsubscribing from a file', () => {
  it('closes it, and lets answers that are on their way come to nobody (SC14)', async () => {
    const file = new OneFile(pattern(10_000));
    const waiting: PacketOf<'READ'>[] = [];
    const script = readsBy(file, (request) => {
      if (request.offset < 300n) return [file.read(request)];
      waiting.push(request);
      return [];
    });
    const fs = await script.client();
    const reading = fs.read('/f').subscribe();
    await turn();
    expect(waiting.length).toBeGreaterThan(10);
    reading.unsubscribe();
    await turn();
    expect(file.openHandles).toBe(0);
    await script.say(...waiting.map((request) => file.read(request)));
    // the session goes on
    expect(await allOf(fs.exists('/x'))).toMatchObject([{ kind: 'sftp' }]);
    expect(script.isGone).toBe(false);
  });

  it('in the middle of a chunk asks for nothing more', async () => {
    const file = new OneFile(pattern(1000));
    const script = new SftpScript({ length: 10, answer: file.answer });
    const fs = await script.client();
    expect(
      await allOf(
        fs.read('/f').pipe(
          take(3),
          map((chunk) => chunk.length),
        ),
      ),
    ).toEqual([...[10, 10, 10, 'complete']]);
    await turn();
    const asked = script.of('READ').length;
    await turn();
    expect(script.of('READ')).toHaveLength(asked);
    expect(file.openHandles).toBe(0);
  });

  it('before the handle has come closes it when it comes (SC14)', async () => {
    const opens: PacketOf<'OPEN'>[] = [];
    const script = new SftpScript({
      answer: (request) => {
        if (request.type !== 'OPEN') return [status(request.id)];
        opens.push(request);
        return [];
      },
    });
    const fs = await script.client();
    const reading = fs.read('/f').subscribe();
    await turn();
    reading.unsubscribe();
    await turn();
    expect(script.of('CLOSE')).toHaveLength(0);
    await script.say(...opens.map(({ id }) => handle(id, 'late')));
    expect(script.of('CLOSE').map((close) => Buffer.from(close.handle).toString())).toEqual([
      'late',
    ]);
  });
});

describe('a file whose length is told before', () => {
  it.each([
    ['that is true', 40, 1],
    ['that is too short', 60, 3],
    ['that is too long', 30, 2],
    ['of a file that is empty by now', 0, 1],
  ])('%s: gives what there is', async (_, length, requests) => {
    const file = new OneFile(pattern(length));
    const script = new SftpScript({ length: 100, answer: file.answer });
    expect(await readAll(script, { expected: 40 })).toEqual(toNumbers(file.content));
    expect(script.of('READ')).toHaveLength(requests);
  });

  it('is not taken for its end by a server that gives less than it is asked for', async () => {
    const file = new OneFile(pattern(40));
    const script = readsBy(file, (request) => [file.read(request, 7)], 100);
    expect(await readAll(script, { expected: 40 })).toEqual(toNumbers(file.content));
  });

  it('is asked for together with its end where the limits are not known', async () => {
    const file = new OneFile(pattern(40));
    const ends: PacketOf<'READ'>[] = [];
    const script = new SftpScript({
      answer: (request) => {
        if (request.type !== 'READ' || request.offset === 0n) return file.answer(request);
        ends.push(request);
        return [];
      },
    });
    const read = readAll(script, { expected: 40 });
    await settled(() => script.requests.length);
    expect(script.of('READ').map(({ offset }) => offset)).toEqual([0n, 40n]);
    await script.say(...ends.map(({ id }) => status(id, StatusCode.EOF)));
    expect(await read).toEqual(toNumbers(file.content));
    expect(script.of('READ')).toHaveLength(2);
  });
});

it('a file that was closed while it is read is an error, and no crash', async () => {
  const file = new OneFile(pattern(1000));
  const script = new SftpScript({ length: 10, answer: file.answer });
  const fs = await script.client();
  const bytes$ = fs
    .open('/f')
    .pipe(mergeMap((open) => open.bytes().pipe(drain(() => open.close()))));
  expect(await allOf(bytes$)).toMatchObject([{ kind: 'released' }]);
});
