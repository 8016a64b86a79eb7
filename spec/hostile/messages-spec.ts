/** Rows T7, T29, T30 and T31: unknown messages, DISCONNECT, EXT_INFO, and what our packets and chunks are made of. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { byte, cat, str, u32 } from '../support/raw-peer/bytes.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

afterAll(expectAlive);

async function connected(
  role: 'client' | 'server',
  wire: Parameters<typeof duel>[2] = {},
): Promise<Duel> {
  const situation = duel({ role }, {}, wire);
  await situation.peer.session();
  await situation.subject.connected();
  return situation;
}

describe.each(ROLES)('T7: our %s', (role) => {
  it('answers what nobody knows with UNIMPLEMENTED for exactly that packet', async () => {
    const { peer, subject } = await connected(role);
    peer.send(message.ignore());
    const sequences = [200, 220, 250].map((number) => peer.send(cat(byte(number), str('body'))));
    peer.send(message.ignore());
    for (const sequence of sequences) await peer.expectUnimplemented(sequence);
    expect(peer.skipped).toEqual([]);
    subject.stop();
  });

  it('never answers UNIMPLEMENTED', async () => {
    const { peer, subject } = await connected(role);
    for (const sequence of [0, 1, 7, 0x7fff_ffff, 0xffff_ffff])
      peer.send(message.unimplemented(sequence));
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  const floods = [
    ['unknown messages', byte(200)],
    ['PINGs (T24)', message.ping('x')],
    ['requests that want a reply', message.globalRequest('flood@spec', true)],
    ['channels of an unknown type', message.open('flood@spec', 1)],
  ] as const;
  // what is answered is the same in both roles: one of them does for all
  it.each(role === 'server' ? floods : floods.slice(0, 1))(
    'keeps a bounded amount of answers to %s for a peer that does not read',
    async (_, payload) => {
      // what is compiled and kept at the first time is no answer
      const first = await connected(role, { credit: 65_536 });
      first.peer.link.stall(true);
      await flood(first, payload, 2000, 1);
      first.subject.stop();
      // one packet at a time, where each answer is a write of its own, and many at once
      for (const [glued, measuredAt] of [
        [1, 8_000],
        [500, 30_000],
      ] as const) {
        const { peer, subject } = await connected(role, { credit: 65_536 });
        peer.link.stall(true);
        const before = await memoryInUse();
        await flood({ peer, subject }, payload, measuredAt, glued);
        expect(subject.errors).toEqual([]);
        expect((await memoryInUse()) - before).toBeLessThan(4 * MiB);
        await flood({ peer, subject }, payload, 100_000 - measuredAt, glued);
        expect(isSshError(await subject.ended(), 'overflow')).toBe(true);
        expect(subject.errors).toHaveLength(1);
      }
    },
    120_000,
  );

  it('keeps a bounded amount of answers while a rekey of its own is not answered', async () => {
    const { peer, subject } = await connected(role);
    subject.transport?.rekey();
    await peer.readKexInit();
    const before = await memoryInUse();
    await flood({ peer, subject }, message.globalRequest('', true), 16_000, 500);
    expect(subject.errors).toEqual([]);
    expect((await memoryInUse()) - before).toBeLessThan(8 * MiB);
    await flood({ peer, subject }, message.globalRequest('', true), 2_000, 500);
    expect(isSshError(await subject.ended(), 'overflow')).toBe(true);
    expect(subject.errors).toHaveLength(1);
  });
});

/** Sends a message many times, so many packets in one write, until our end has ended. */
async function flood(
  { peer, subject }: Duel,
  payload: Buffer,
  count: number,
  glued: number,
): Promise<void> {
  for (let sent = 0; sent < count && subject.errors.length === 0; sent += glued) {
    peer.sendBytes(cat(...Array.from({ length: glued }, () => peer.seal(payload))));
    peer.written.length = 0;
    if (sent % 500 === 0) await settled(peer);
  }
  await settled(peer);
}

describe.each(ROLES)('T29: our %s', (role) => {
  it('sends a FIN and nothing else after DISCONNECT, and escapes its description', async () => {
    const { peer, subject } = await connected(role);
    const hostile = '\x1b]0;owned\x07\r\n\0\x7f\u009b31m\u202egnp.exe\u061c';
    peer.send(message.disconnect(2, hostile));
    await peer.expectEnd();
    const error = await subject.ended();
    expect(isSshError(error, 'disconnect') && error.detail).toMatchObject({
      reasonCode: 2,
      by: 'peer',
    });
    const shown = `${error.message}${JSON.stringify(error.detail)}`;
    expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u202a-\u202e]/);
    expect(shown).toContain('owned');
    expect(subject.errors).toHaveLength(1);
  });

  it('keeps a bounded part of a long description', async () => {
    const { peer, subject } = await connected(role);
    peer.send(message.disconnect(11, 'x'.repeat(200_000)));
    await peer.expectEnd();
    expect((await subject.ended()).message.length).toBeLessThan(2000);
  });

  it('takes a description that is not UTF-8, a reason that has no name, and no language', async () => {
    const { peer, subject } = await connected(role);
    peer.send(cat(byte(1), u32(0xffff_ffff), str(Buffer.from([0xff, 0xfe, 0x41]))));
    await peer.expectEnd();
    const error = await subject.ended();
    expect(isSshError(error, 'disconnect') && error.detail.reasonCode).toBe(0xffff_ffff);
  });

  it('does not answer what was glued to it', async () => {
    const { peer, subject } = await connected(role);
    peer.sendBytes(
      cat(
        peer.seal(message.disconnect()),
        peer.seal(byte(200)),
        peer.seal(message.globalRequest('x', true)),
        peer.seal(message.open('session', 1)),
      ),
    );
    await peer.expectEnd();
    expect((await subject.ended()).kind).toBe('disconnect');
    expect(subject.channels).toEqual([]);
  });
});

describe.each(ROLES)('T30: EXT_INFO to our %s', (role) => {
  const info = message.extInfo(['server-sig-algs', 'rsa-sha2-256']);
  const names = (subject: Duel['subject']): readonly string[] => [
    ...(subject.transport?.extensions.keys() ?? []),
  ];

  async function keyed(): Promise<Duel> {
    const situation = duel({ role, transportOnly: true });
    await situation.peer.handshake();
    await situation.subject.opened();
    return situation;
  }

  async function expectRefused({ peer, subject }: Duel): Promise<void> {
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  }

  it('is taken directly behind NEWKEYS', async () => {
    const { peer, subject } = await keyed();
    peer.send(info);
    expect(await peer.barrier()).toEqual([]);
    expect(names(subject)).toEqual(['server-sig-algs']);
    subject.stop();
  });

  it.each([true, false])('is refused before it, strict: %s', async (strict) => {
    const situation = duel({ role }, { strict });
    await situation.peer.identifyBoth();
    await situation.peer.proposeBoth();
    situation.peer.send(info);
    await expectRefused(situation);
    expect(situation.subject.transport).toBeUndefined();
  });

  it.each([
    ['IGNORE', message.ignore()],
    ['an unknown message', byte(19)],
  ])('is refused behind %s', async (_, between) => {
    const situation = await keyed();
    situation.peer.send(between);
    situation.peer.send(info);
    situation.peer.skipped.length = 0;
    await expectRefused(situation);
    expect(names(situation.subject)).toEqual([]);
  });

  it('is refused a second time in a row', async () => {
    const situation = await keyed();
    situation.peer.send(info);
    situation.peer.send(info);
    await expectRefused(situation);
  });

  it.each([
    [
      '1025 entries',
      message.extInfo(...Array.from({ length: 1025 }, (_, at) => [`e${at}`, ''] as const)),
    ],
    ['a count past its bytes', cat(byte(7), u32(1025), str('name'), str('value'))],
    ['a count of 2^32-1', cat(byte(7), u32(0xffff_ffff), str('name'), str('value'))],
    ['a count below its entries', cat(byte(7), u32(0), str('name'), str('value'))],
    ['a name past its bytes', cat(byte(7), u32(1), u32(0x7fff_ffff), str('value'))],
  ])('is refused with %s', async (_, payload) => {
    const situation = await keyed();
    situation.peer.send(payload);
    await expectRefused(situation);
    expect(names(situation.subject)).toEqual([]);
  });

  it('may have 1024 entries', async () => {
    const { peer, subject } = await keyed();
    const entries = Array.from({ length: 1024 }, (_, at) => [`e${at}`, 'value'] as const);
    peer.send(message.extInfo(...entries));
    expect(await peer.barrier()).toEqual([]);
    expect(names(subject)).toHaveLength(1024);
    subject.stop();
  });
});

describe('T30: EXT_INFO to our client', () => {
  const info = message.extInfo(['server-sig-algs', 'rsa-sha2-256']);

  it('may come once more before USERAUTH_SUCCESS, and not a third time', async () => {
    const { peer, subject } = duel({ role: 'client' });
    await peer.handshake();
    peer.send(info);
    await peer.acceptService();
    await peer.until(message.Msg.AUTH_REQUEST);
    peer.send(info);
    expect(await peer.barrier()).toEqual([]);
    peer.send(info);
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  });

  it('is refused after the login', async () => {
    const { peer, subject } = await connected('client');
    peer.send(info);
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  });
});
