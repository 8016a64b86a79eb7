import { afterEach, describe, expect, it } from '@jest/globals';
import { map, type Observable } from 'rxjs';
import { isDelivering } from '../../../src/operators/credit.ts';
import { encodePacket, type PacketOf, type ReplyPacket } from '../../../src/sftp/packets.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { concatBytes, fromHex, utf8Bytes } from '../../../src/wire/bytes.ts';
import { Clock } from '../../support/clock.ts';
import { allOf, closeEmbedded, keepOpen, turn } from '../../support/embedded.ts';
import {
  data,
  handle,
  names,
  OneFile,
  type Request,
  SftpScript,
  status,
} from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

/** What comes of starting SFTP with a server that says this first. */
async function startingWith(start: Uint8Array): Promise<unknown> {
  const script = new SftpScript({ start });
  const [first] = await allOf(script.fs$);
  await turn();
  expect(script.isGone).toBe(true);
  return first;
}

describe('the start of SFTP', () => {
  it('sends INIT for version 3, and knows what the server offers', async () => {
    const script = new SftpScript({ extensions: { 'a@b': '1', 'c@d': '2' } });
    const fs = await script.client();
    expect(fs.version).toBe(3);
    expect([...fs.extensions]).toEqual([
      ['a@b', '1'],
      ['c@d', '2'],
    ]);
    expect(fs.limits).toEqual({ readLength: 32_768, writeLength: 32_768, openHandles: 0 });
  });

  it.each([0, 1, 2])(
    'takes a server of version %s as the subset that it is (SC10)',
    async (version) => {
      const script = new SftpScript({ version, answer: new OneFile('abc').answer });
      const fs = await script.client();
      expect(fs.version).toBe(version);
      expect(await allOf(fs.read('/f'))).toEqual(['abc', 'complete']);
      expect(await allOf(fs.symlink('a', 'b'))).toMatchObject([{ kind: 'unsupported' }]);
      expect(await allOf(fs.readlink('a'))).toMatchObject([{ kind: 'unsupported' }]);
      expect(await allOf(fs.rename('a', 'b'))).toMatchObject([
        { kind: version < 2 ? 'unsupported' : 'sftp' },
      ]);
    },
  );

  it.each([4, 6, 0xffff_ffff])('refuses an answer of version %s (SC10)', async (version) => {
    const start = encodePacket({ type: 'VERSION', version, extensions: [] });
    expect(await startingWith(start)).toMatchObject({ kind: 'protocol' });
  });

  it.each([
    ['Welcome to db1!\n', 'Welcome to db1!\\x0a'],
    ['\u001b[31mred\r\n', '\\x1b[31mred\\x0d\\x0a'],
    ['Last login: Sun Nov 22 from 10.0.0.1\n'.repeat(100), 'Last login: Sun Nov 22'],
  ])('names what says %j instead (SC13)', async (said, shown) => {
    const error = (await startingWith(utf8Bytes(said))) as { kind: string; message: string };
    expect(error.kind).toBe('protocol');
    expect(error.message).toContain(`it says "${shown}`);
    expect(error.message.length).toBeLessThan(400);
  });

  it.each([
    ['another packet', encodePacket(status(1))],
    ['a length of 0', fromHex('00000000')],
    ['a VERSION that is too short', fromHex('00000002 02 00')],
  ])('errors with protocol for %s (SC4, SC5)', async (_what, start) => {
    expect(await startingWith(start)).toMatchObject({ kind: 'protocol' });
  });

  it('errors when the server says nothing in time', async () => {
    const scheduler = new Clock();
    const script = new SftpScript({ start: new Uint8Array(0), scheduler, requestTimeout: 5000 });
    const result = allOf(script.fs$);
    await scheduler.pass(4999);
    expect(script.isGone).toBe(false);
    await scheduler.pass(1);
    expect(await result).toMatchObject([
      { kind: 'timeout', detail: { phase: 'sftp start', milliseconds: 5000 } },
    ]);
  });

  it('errors when the server has nothing to say and ends', async () => {
    const script = new SftpScript({ start: new Uint8Array(0) });
    const result = allOf(script.fs$);
    script.end();
    expect(await result).toMatchObject([{ kind: 'connection-lost' }]);
  });
});

describe('answers', () => {
  it('find their requests in any order', async () => {
    const waiting: Request[] = [];
    const script = new SftpScript({
      answer: (request) => {
        waiting.push(request);
        return [];
      },
    });
    const fs = await script.client();
    const results = Promise.all(['/0', '/1', '/2', '/3'].map((path) => allOf(fs.stat(path))));
    await turn();
    for (const at of [2, 0, 3, 1]) {
      const id = waiting[at]?.id ?? -1;
      await script.say({ type: 'ATTRS', id, attributes: { size: id } });
    }
    const sizes = (await results).map(([attributes]) => (attributes as { size: number }).size);
    expect(sizes).toEqual(waiting.map(({ id }) => id));
  });

  it.each<[string, (id: number) => ReplyPacket | Uint8Array]>([
    ['an id that nobody has', (id) => status(id + 1000)],
    ['another type', (id) => handle(id)],
    [
      'a type that there is none of',
      (id) => concatBytes([fromHex('00000005 f0 000000'), Uint8Array.of(id)]),
    ],
    ['a second VERSION', () => ({ type: 'VERSION', version: 3, extensions: [] })],
    ['a STATUS of OK where there should be more', (id) => status(id)],
    ['a packet cut short', () => fromHex('00000003 650000')],
    [
      'a packet with more behind it',
      (id) => {
        const packet = concatBytes([
          encodePacket({ type: 'ATTRS', id, attributes: {} }),
          fromHex('00'),
        ]);
        packet[3] = (packet[3] ?? 0) + 1;
        return packet;
      },
    ],
    ['a packet of 4 GiB', () => fromHex('ffffffff')],
    [
      'extended attributes without end (SC8)',
      (id) =>
        concatBytes([
          fromHex('0000000d 69 000000'),
          Uint8Array.of(id),
          fromHex('80000000 ffffffff'),
        ]),
    ],
  ])('%s ends the session for all (SC4, SC5)', async (_what, answer) => {
    const script = new SftpScript({
      answer: (request) => (request.type === 'STAT' ? [answer(request.id)] : []),
    });
    const fs = await script.client();
    const [stat, other] = await Promise.all([allOf(fs.stat('/a')), allOf(fs.mkdir('/b'))]);
    expect(stat).toMatchObject([{ kind: 'protocol' }]);
    expect(other).toEqual(stat);
    expect(await allOf(fs.closed$)).toEqual([...stat, 'complete']);
    expect(await allOf(fs.stat('/a'))).toEqual(stat);
    await turn();
    expect(script.isGone).toBe(true);
  });

  it('a second answer to a request ends the session (SC4)', async () => {
    const script = new SftpScript({
      answer: ({ id }) => [
        status(id, StatusCode.NO_SUCH_FILE),
        status(id, StatusCode.NO_SUCH_FILE),
      ],
    });
    const fs = await script.client();
    expect(await allOf(fs.stat('/a'))).toMatchObject([{ kind: 'sftp' }]);
    await turn();
    expect(script.isGone).toBe(true);
  });

  it('a hundred thousand of them that nobody has asked for end it at the first (SC4)', async () => {
    const script = new SftpScript();
    const fs = await script.client();
    const closed = allOf(fs.closed$);
    await script.say(...Array.from({ length: 100_000 }, (_, id) => data(id, '')));
    expect(await closed).toMatchObject([{ kind: 'protocol' }, 'complete']);
  });
});

describe('a request that is not answered', () => {
  function silent(scheduler: Clock): SftpScript {
    return new SftpScript({ scheduler, requestTimeout: 1000 });
  }

  it('errors in time, and its answer may come late', async () => {
    const scheduler = new Clock();
    const script = silent(scheduler);
    const fs = await script.client();
    const result = allOf(fs.stat('/a'));
    await scheduler.pass(999);
    const [request] = script.of('STAT');
    await scheduler.pass(1);
    expect(await result).toMatchObject([{ kind: 'timeout', detail: { phase: 'sftp request' } }]);
    await script.say({ type: 'ATTRS', id: request?.id ?? 0, attributes: {} });
    expect(fs.closed$).toBeDefined();
    expect(script.isGone).toBe(false);
  });

  it('has its clock run from when it is the oldest', async () => {
    const scheduler = new Clock();
    const script = silent(scheduler);
    const fs = await script.client();
    const first = allOf(fs.stat('/a'));
    let second: unknown;
    void allOf(fs.stat('/b')).then((seen) => (second = seen));
    await scheduler.pass(900);
    await script.say({ type: 'ATTRS', id: script.of('STAT')[0]?.id ?? 0, attributes: {} });
    expect(await first).toEqual([{}, 'complete']);
    await scheduler.pass(999);
    expect(second).toBeUndefined();
    await scheduler.pass(1);
    expect(second).toMatchObject([{ kind: 'timeout' }]);
  });

  it('is not kept alive by the answers to others', async () => {
    const scheduler = new Clock();
    const script = silent(scheduler);
    const fs = await script.client();
    const stuck = allOf(fs.stat('/stuck'));
    for (let i = 0; i < 4; i++) {
      keepOpen(fs.lstat('/a').subscribe());
      await scheduler.pass(250);
      await script.say(
        ...script.of('LSTAT').map(({ id }) => ({ type: 'ATTRS', id, attributes: {} }) as const),
      );
      script.requests.length = 0;
    }
    expect(await stuck).toMatchObject([{ kind: 'timeout' }]);
    expect(scheduler.frame).toBe(1000);
  });

  it('whose handle comes late has it closed (SC14)', async () => {
    const scheduler = new Clock();
    const script = silent(scheduler);
    const fs = await script.client();
    const result = allOf(fs.open('/a'));
    await scheduler.pass(1000);
    expect(await result).toMatchObject([{ kind: 'timeout' }]);
    await script.say(...script.of('OPEN').map(({ id }) => handle(id)));
    expect(script.of('CLOSE')).toHaveLength(1);
  });
});

describe('the end of SFTP', () => {
  it('is an error of everything that still runs, once, and of everything after it', async () => {
    const script = new SftpScript();
    const { client: fs, subscription } = await script.open();
    const running = Promise.all(
      [fs.stat('/a'), fs.read('/b'), fs.list('/c')].map((each: Observable<unknown>) => allOf(each)),
    );
    await turn();
    subscription.unsubscribe();
    for (const seen of await running) expect(seen).toMatchObject([{ kind: 'released' }]);
    expect(await allOf(fs.stat('/a'))).toMatchObject([{ kind: 'released' }]);
    await turn();
    expect(script.isGone).toBe(true);
  });

  it('by the server is an error of who is subscribed', async () => {
    const script = new SftpScript();
    const result = allOf(script.fs$);
    await turn();
    script.end();
    expect((await result).at(-1)).toMatchObject({ kind: 'connection-lost' });
  });
});

it('gives answers without the credit of the channel: a consumer that holds it must not stop the others', async () => {
  const script = new SftpScript({ answer: ({ id }) => [names(id, '/x')] });
  const fs = await script.client();
  expect(await allOf(fs.realpath('.').pipe(map(() => isDelivering())))).toEqual([
    false,
    'complete',
  ]);
});

it('a STATUS that ends early is as good as one with text (SC11)', async () => {
  const script = new SftpScript({
    answer: ({ id }) => [
      concatBytes([fromHex('00000009 65 000000'), Uint8Array.of(id), fromHex('00000003')]),
    ],
  });
  const fs = await script.client();
  expect(await allOf(fs.remove('/a'))).toMatchObject([
    { kind: 'sftp', message: 'remove /a: Permission denied', detail: { status: 3 } },
  ]);
});

it('sends a cancelled request all the same, and drops its answer (SC14)', async () => {
  const waiting: PacketOf<'STAT'>[] = [];
  const script = new SftpScript({
    answer: (request) => {
      if (request.type === 'STAT') waiting.push(request);
      return [];
    },
  });
  const fs = await script.client();
  fs.stat('/a').subscribe().unsubscribe();
  await turn();
  await script.say(...waiting.map(({ id }) => ({ type: 'ATTRS', id, attributes: {} }) as const));
  expect(waiting).toHaveLength(1);
  expect(script.isGone).toBe(false);
});
