/** Rows T22 and T23, faults X8 to X11: rekeying while data flows, waits or is refused, in every state of a session. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { of, Subject as Trigger } from 'rxjs';
import type { AuthDecision } from '../../src/auth/policy.ts';
import { isSshError } from '../../src/errors.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { Cursor } from '../support/raw-peer/bytes.ts';
import { channelDuel, pattern } from '../support/raw-peer/channels.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const PACKET = 32_768;

afterAll(expectAlive);

describe.each(ROLES)('our %s', (role) => {
  it('T22: takes all data that comes before the KEXINIT which answers its own', async () => {
    const { peer, subject, channel, raw } = await channelDuel({
      role,
      channel: { window: 8 * MiB },
    });
    const received: Buffer[] = [];
    channel.stdout$.subscribe({
      next: (chunk) => received.push(Buffer.from(chunk)),
      error: () => {},
    });
    let rekeyed = 0;
    subject.transport?.rekeyed$.subscribe(() => rekeyed++);
    subject.transport?.rekey();
    await peer.readKexInit();
    const sent = pattern(4 * MiB);
    for (let at = 0; at < sent.length; at += PACKET)
      peer.send(message.data(raw.peer, sent.subarray(at, at + PACKET)));
    expect(rekeyed).toBe(0);
    await peer.exchange();
    await peer.barrier();
    expect(rekeyed).toBe(1);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    subject.stop();
  });

  it('T23: holds its writers when the peer does not answer KEXINIT, and gives up in time', async () => {
    const { peer, subject, channel } = await channelDuel(
      { role, transport: { rekeyTimeout: 4_000 } },
      { window: 0xffff_ffff },
    );
    let pulled = 0;
    function* gigabyte(): Generator<Uint8Array> {
      for (; pulled < 1024 * MiB; pulled += 65_536) yield new Uint8Array(65_536);
    }
    subject.transport?.rekey();
    await peer.readKexInit();
    const before = await memoryInUse();
    const errors: unknown[] = [];
    channel.stdin.pump(gigabyte()).subscribe({ error: (error: unknown) => errors.push(error) });
    await peer.barrier();
    expect((await memoryInUse()) - before).toBeLessThan(8 * MiB);
    expect(pulled).toBeLessThan(8 * MiB);
    const error = await subject.ended(15_000);
    expect(isSshError(error, 'timeout') && error.detail).toEqual({
      phase: 'key exchange',
      milliseconds: 4_000,
    });
    expect(errors).toHaveLength(1);
    await peer.expectDisconnect(11);
    expect(peer.skipped.filter(({ number }) => number >= 50)).toEqual([]);
  });

  it('X8: loses and reorders nothing over twenty rekeys of either side, and of both at once', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    channel.stdin.pump(channel.stdout$).subscribe({ error: () => undefined });
    const sent = pattern(20 * 100_000);
    for (let round = 0; round < 20; round++) {
      const part = sent.subarray(round * 100_000, (round + 1) * 100_000);
      for (let at = 0; at < part.length; at += 25_000)
        peer.send(message.data(raw.peer, part.subarray(at, at + 25_000)));
      if (round % 3 > 0) subject.transport?.rekey();
      if (round % 3 < 2) peer.sendKexInit();
      await peer.exchange();
      peer.skipped.push(...(await peer.barrier()));
    }
    const echoed = peer.skipped
      .filter(({ number }) => number === message.Msg.DATA)
      .map(({ payload }) => new Cursor(payload).skip(5).str());
    expect(Buffer.concat(echoed).equals(sent)).toBe(true);
    subject.stop();
  });

  it('X9: rekeys while its window is full and nobody reads', async () => {
    const { peer, subject, channel, raw } = await channelDuel({
      role,
      channel: { window: 4 * PACKET },
    });
    const sent = pattern(4 * PACKET);
    for (let at = 0; at < sent.length; at += PACKET)
      peer.send(message.data(raw.peer, sent.subarray(at, at + PACKET)));
    await peer.exchange();
    subject.transport?.rekey();
    await peer.exchange();
    const received: Buffer[] = [];
    channel.stdout$.subscribe({
      next: (chunk) => received.push(Buffer.from(chunk)),
      error: () => {},
    });
    await peer.until(message.Msg.WINDOW_ADJUST);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    subject.stop();
  });

  it('X9: rekeys while its writer waits for the peer’s window', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 10 });
    channel.write(Buffer.from('0123456789abcdef'), () => undefined);
    expect((await peer.readData(10)).toString()).toBe('0123456789');
    await peer.exchange();
    subject.transport?.rekey();
    await peer.exchange();
    peer.send(message.adjust(raw.peer, 100));
    expect((await peer.readData(6)).toString()).toBe('abcdef');
    subject.stop();
  });

  it('X11: sends what was said during a rekey behind it, in its order', async () => {
    const { peer, subject, channel, raw } = await channelDuel({
      role,
      channel: { window: 2 * PACKET },
    });
    peer.send(message.data(raw.peer, pattern(PACKET)));
    peer.send(message.data(raw.peer, pattern(PACKET)));
    await peer.barrier();
    subject.transport?.rekey();
    await peer.readKexInit();
    // takes the data, so that a WINDOW_ADJUST is due; then writes, and says EOF and CLOSE
    channel.stdout$.subscribe({ error: () => undefined });
    channel.write(Buffer.from('last words'), () => undefined);
    channel.notify('x@spec');
    channel.end();
    subject.connection?.globalRequests.notify('y@spec');
    expect(await peer.barrier()).toEqual([]);
    await peer.exchange();
    const { Msg } = message;
    const numbers = (await peer.barrier()).map(({ number }) => number);
    expect(numbers).toEqual([
      Msg.WINDOW_ADJUST,
      Msg.REQUEST,
      Msg.GLOBAL_REQUEST,
      Msg.DATA,
      Msg.EOF,
    ]);
    subject.transport?.rekey();
    await peer.readKexInit();
    channel.close();
    expect(await peer.barrier()).toEqual([]);
    await peer.exchange();
    await peer.expect(Msg.CLOSE);
    subject.stop();
  });
});

describe('X10: a rekey before the login', () => {
  it('our server does in every state of it', async () => {
    const verdicts = new Trigger<AuthDecision>();
    const { peer, subject } = duel({
      role: 'server',
      serverAuth: {
        authenticate: (attempt) =>
          attempt.method === 'password' ? verdicts : of(attempt.method === 'publickey'),
      },
    });
    await peer.handshake();
    await peer.exchange();
    await peer.requestService();
    await peer.exchange();
    peer.send(message.password('right'));
    await peer.exchange();
    expect(await peer.barrier()).toEqual([]);
    verdicts.next({ partial: true, methodsLeft: ['publickey'] });
    await peer.expect(message.Msg.AUTH_FAILURE);
    await peer.exchange();
    peer.send(peer.loginRequest('publickey'));
    await peer.expect(message.Msg.AUTH_SUCCESS);
    await subject.connected();
    subject.stop();
  });

  it('our server answers a verdict that falls within it behind it', async () => {
    const verdicts = new Trigger<AuthDecision>();
    const { peer, subject } = duel({
      role: 'server',
      serverAuth: { authenticate: () => verdicts },
    });
    await peer.handshake();
    await peer.requestService();
    peer.send(message.password('right'));
    await peer.proposeBoth();
    verdicts.next(true);
    expect(await peer.barrier()).toEqual([]);
    await peer.exchange();
    await peer.expect(message.Msg.AUTH_SUCCESS);
    await subject.connected();
    subject.stop();
  });

  it('our client does in every state of it', async () => {
    const words = new Trigger<string>();
    const { peer, subject } = duel({
      role: 'client',
      clientAuth: { password: () => words, methods: ['password'] },
    });
    await peer.handshake();
    await peer.until(message.Msg.SERVICE_REQUEST);
    await peer.exchange();
    peer.send(message.serviceAccept());
    await peer.exchange();
    words.next('right');
    await peer.until(message.Msg.AUTH_REQUEST);
    await peer.exchange();
    peer.send(message.authFailure(false, 'password'));
    await peer.exchange();
    words.next('right');
    await peer.until(message.Msg.AUTH_REQUEST);
    peer.send(message.authSuccess());
    await subject.connected();
    subject.stop();
  });

  it.each(ROLES)('our %s asks for it behind the login only', async (role) => {
    const { peer, subject } = duel({
      role,
      transport: { rekey: { bytes: 1, packets: 0, milliseconds: 0 } },
    });
    await peer.session();
    await peer.until(message.Msg.KEXINIT);
    await subject.connected();
    subject.stop();
  });
});
