/** Rows AS13, R3, R13, and R5's rekeying: how long a client may take, and how often it may ask. Time is virtual. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { NEVER, Observable } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { cat, str } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { type Served, servedDuel } from '../support/raw-peer/served.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';

const { Msg } = message;
const GRACE = 60_000;

afterAll(expectAlive);

/** What has ended it. */
function phaseOf(served: Served): unknown {
  const { error } = served.end();
  return isSshError(error, 'timeout') && error.detail;
}

/** States of a connection before its login, by the rows of A1. */
const STATES: readonly (readonly [string, (peer: RawPeer) => unknown])[] = [
  ['S0, silent', () => undefined],
  ['S1, identified', (peer) => peer.identifyBoth()],
  [
    'S3, both KEXINITs',
    async (peer) => {
      await peer.identifyBoth();
      await peer.proposeBoth();
    },
  ],
  [
    'S5, without its NEWKEYS',
    async (peer) => {
      await peer.identifyBoth();
      await peer.proposeBoth();
      await peer.agree();
    },
  ],
  ['S6, keyed', (peer) => peer.handshake()],
  [
    'S7, with the service',
    async (peer) => {
      await peer.handshake();
      await peer.requestService();
    },
  ],
  [
    'S8, while the policy thinks',
    async (peer) => {
      await peer.handshake();
      await peer.requestService();
      peer.send(message.password('slow'));
      await peer.barrier();
    },
  ],
  [
    'S9, after a partial success',
    async (peer) => {
      await peer.handshake();
      await peer.requestService();
      peer.send(message.password('half'));
      await peer.until(Msg.AUTH_FAILURE);
    },
  ],
];

describe('AS13: the time to log in', () => {
  it.each(STATES)('ends a client that stays in %s', async (state, go) => {
    let calledOff = 0;
    const served = servedDuel({
      // the handshake has a time of its own, which is shorter as a rule
      handshakeTimeout: 0,
      authenticate: (attempt) =>
        attempt.method === 'password' && attempt.password === 'half'
          ? { partial: true, methodsLeft: ['publickey'] }
          : new Observable(() => () => calledOff++),
    });
    await go(served.peer);
    await served.clock.pass(GRACE - 1);
    expect(served.isOver()).toBe(false);
    await served.clock.pass(2);
    expect(served.isOver()).toBe(true);
    expect(phaseOf(served)).toMatchObject({ phase: state < 'S6' ? 'handshake' : 'login' });
    expect(calledOff).toBe(state.startsWith('S8') ? 1 : 0);
    // a moment for the peer to let go
    await served.clock.pass(100);
    expect(served.clock.actions).toHaveLength(0);
  });

  it('is one for everything: failures and new keys do not prolong it', async () => {
    const served = servedDuel({
      authentication: { maxFailures: 60, failureDelay: 0 },
      rekeyTimeout: 0,
    });
    const { peer, clock } = served;
    await peer.handshake();
    await peer.requestService();
    for (let second = 0; second < 59; second++) {
      await clock.pass(1000);
      if (second % 2 === 0) await peer.exchange();
      peer.send(message.password('wrong'));
      await peer.until(Msg.AUTH_FAILURE);
    }
    await clock.pass(1001);
    expect(phaseOf(served)).toMatchObject({ phase: 'login' });
  });

  it('may be none', async () => {
    const served = servedDuel({
      handshakeTimeout: 0,
      authentication: { loginGraceTime: 0 },
      authenticate: () => NEVER,
      rekey: { milliseconds: 0 },
    });
    await served.peer.handshake();
    await served.clock.pass(365 * 24 * 3_600_000);
    expect(served.isOver()).toBe(false);
  });
});

describe('R3: one byte a second', () => {
  const drip = async (served: Served, bytes: Uint8Array, seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      served.peer.sendBytes(bytes.subarray(second, second + 1));
      await served.clock.pass(1000);
    }
  };

  it('of an identification lasts 20 s', async () => {
    const served = servedDuel();
    await drip(served, Buffer.from(`SSH-2.0-${'x'.repeat(100)}`), 19);
    expect(served.isOver()).toBe(false);
    await drip(served, Buffer.from('yyy'), 2);
    expect(phaseOf(served)).toEqual({ phase: 'handshake', milliseconds: 20_000 });
  });

  it('of a packet in the clear lasts 20 s', async () => {
    const served = servedDuel();
    await served.peer.identifyBoth();
    await drip(served, served.peer.seal(served.peer.kexInit()), 21);
    expect(phaseOf(served)).toEqual({ phase: 'handshake', milliseconds: 20_000 });
  });

  it('of a try to log in lasts for the time to log in', async () => {
    const served = servedDuel();
    await served.peer.handshake();
    await served.peer.requestService();
    await drip(served, served.peer.seal(message.password('x'.repeat(500))), 61);
    expect(phaseOf(served)).toMatchObject({ phase: 'login' });
  });
});

describe('R13: a connection that is not used', () => {
  /** Logged in, with a session. */
  async function session(options: Parameters<typeof servedDuel>[0]): Promise<{
    readonly served: Served;
    readonly peer: RawPeer;
    readonly channel: number;
  }> {
    const served = servedDuel(options);
    await served.peer.session();
    const { peer: channel } = await served.peer.openChannel();
    return { served, peer: served.peer, channel };
  }

  const uses: readonly (readonly [string, (channel: number) => Buffer])[] = [
    ['data', (channel) => message.data(channel, 'x')],
    ['extended data', (channel) => message.extendedData(channel, 1, 'x')],
    ['a request', (channel) => message.request(channel, 'env', false, cat(str('A'), str('b')))],
    ['a global request', () => message.globalRequest('what@example.org', true)],
    ['an OPEN', () => message.open('what@example.org', 7, 1, 1)],
  ];
  it.each(uses)('lives on by %s', async (_, use) => {
    const { served, peer, channel } = await session({ idleTimeout: 10_000 });
    for (let round = 0; round < 5; round++) {
      await served.clock.pass(9_000);
      peer.send(use(channel));
      await peer.barrier();
    }
    await served.clock.pass(9_999);
    expect(served.isOver()).toBe(false);
    await served.clock.pass(2);
    expect(phaseOf(served)).toEqual({ phase: 'idle', milliseconds: 10_000 });
    await peer.until(Msg.DISCONNECT);
  });

  const noUses: readonly (readonly [string, (channel: number) => Buffer])[] = [
    ['IGNORE', () => message.ignore()],
    ['DEBUG', () => message.debug('x')],
    ['a keepalive', () => message.globalRequest('keepalive@openssh.com', true)],
    [
      'a keepalive on a channel',
      (channel) => message.request(channel, 'keepalive@openssh.com', true),
    ],
    ['a window adjust', (channel) => message.adjust(channel, 1)],
    ['an answer to nothing', () => Buffer.from([81])],
  ];
  it.each(noUses)('does not live on by %s', async (_, use) => {
    const { served, peer, channel } = await session({ idleTimeout: 10_000 });
    for (let second = 0; second < 9; second++) {
      await served.clock.pass(1_000);
      peer.send(use(channel));
      await peer.barrier();
    }
    await served.clock.pass(1_001);
    expect(phaseOf(served)).toEqual({ phase: 'idle', milliseconds: 10_000 });
  });

  it('does not live on by our keepalives and their answers', async () => {
    const { served, peer } = await session({
      idleTimeout: 10_000,
      keepalive: { interval: 1_000, countMax: 3 },
    });
    for (let second = 0; second < 9; second++) {
      await served.clock.pass(1_000);
      await peer.until(Msg.GLOBAL_REQUEST);
      peer.send(Buffer.from([82]));
      await peer.barrier();
    }
    await served.clock.pass(1_001);
    expect(phaseOf(served)).toMatchObject({ phase: 'idle' });
  });

  it('lives on by what the server sends', async () => {
    let send: () => void = () => undefined;
    const { served, peer, channel } = await session({
      idleTimeout: 10_000,
      shell: (shell) =>
        new Observable(() => {
          send = () => shell.stdout.pump('x', { end: false }).subscribe();
        }),
    });
    peer.send(message.request(channel, 'shell', true));
    await peer.until(Msg.SUCCESS);
    for (let round = 0; round < 5; round++) {
      await served.clock.pass(9_000);
      send();
      await peer.readData(1);
    }
    expect(served.isOver()).toBe(false);
    await served.clock.pass(10_001);
    expect(phaseOf(served)).toMatchObject({ phase: 'idle' });
  });

  it('is ended when it has no channel, whatever it asks for', async () => {
    const served = servedDuel({ unusedTimeout: 10_000 });
    const { peer, clock } = served;
    await peer.session();
    await clock.pass(9_000);
    const { peer: channel } = await peer.openChannel();
    await clock.pass(100_000);
    expect(served.isOver()).toBe(false);
    peer.send(message.close(channel));
    await peer.until(Msg.CLOSE);
    for (let second = 0; second < 9; second++) {
      await clock.pass(1_000);
      peer.send(message.globalRequest('what@example.org', true));
      await peer.barrier();
    }
    expect(served.isOver()).toBe(false);
    await clock.pass(1_001);
    expect(phaseOf(served)).toEqual({ phase: 'unused', milliseconds: 10_000 });
  });

  it('loses a channel whose type has a limit, and no other', async () => {
    const { served, peer, channel } = await session({ channelTimeouts: { session: 10_000 } });
    const { peer: other, own } = await peer.openChannel();
    await served.clock.pass(6_000);
    peer.send(message.data(other, 'x'));
    await peer.barrier();
    await served.clock.pass(4_001);
    await peer.until(Msg.CLOSE);
    peer.send(message.close(channel));
    await served.clock.pass(5_000);
    expect(await peer.barrier()).toEqual([]);
    await served.clock.pass(1_000);
    const { payload } = await peer.until(Msg.CLOSE);
    expect(payload.readUInt32BE(1)).toBe(own);
    expect(served.isOver()).toBe(false);
  });

  it('sets no timers where nothing has a limit (R9)', async () => {
    const { served } = await session({ rekey: { milliseconds: 0 } });
    expect(served.clock.actions).toHaveLength(0);
  });
});

describe('R5: a client that asks for new keys without end', () => {
  it('is disconnected, before the login and behind it', async () => {
    for (const isLoggedIn of [false, true]) {
      const { peer, isOver, end } = servedDuel();
      await peer.handshake();
      if (isLoggedIn) await peer.login();
      let exchanges = 0;
      for (; exchanges < 1000 && !isOver(); exchanges++)
        await peer.exchange().catch(() => undefined);
      expect(exchanges).toBeGreaterThan(100);
      expect(exchanges).toBeLessThan(110);
      expect(end().error).toMatchObject({ kind: 'protocol' });
    }
  });
});
