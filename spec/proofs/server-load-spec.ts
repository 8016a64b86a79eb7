/** Servers under load: how many at once, how many one after the other, and clients that read nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ignoreElements, Observable, of, Subscription } from 'rxjs';
import type { SshConnection } from '../../src/channels/connection.ts';
import { childProcess } from '../../src/server/child-process-node.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { listen, type ListenOptions } from '../../src/server/listen-node.ts';
import { serve } from '../../src/server/serve.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { connectTcp } from '../../src/streams/tcp-node.ts';
import { rawClient, run, serverWith } from '../server/raw-client.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { str } from '../support/raw-peer/bytes.ts';
import { dial } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { defaultProposal } from '../support/transports.ts';

const { Msg } = message;
/** Quick: what is proven here is not the key exchange. */
const proposal = { ...defaultProposal, kex: ['curve25519-sha256'] };

let running = new Subscription();
afterEach(() => {
  running.unsubscribe();
  running = new Subscription();
});

/** Starts a server, and resolves with its port. */
function start(options: Partial<ListenOptions>): Promise<number> {
  return new Promise((resolve, reject) => {
    running.add(
      listen({ ...serverWith(), port: 0, ...options }).subscribe({
        next: (event) => {
          if (event.type === 'listening') resolve(event.port);
        },
        error: reject,
      }),
    );
  });
}

/** A client that is logged in. */
function login(port: number): Promise<SshConnection> {
  const connected$ = new Observable<SshConnection>((out) =>
    connectTcp({ host: '127.0.0.1', port }).subscribe({
      next: (duplex) =>
        out.add(rawClient(duplex, { proposal, handshakeTimeout: 60_000 }).subscribe(out)),
      error: (error: unknown) => out.error(error),
    }),
  );
  return new Promise((resolve, reject) => {
    running.add(connected$.subscribe({ next: resolve, error: reject }));
  });
}

describe('Five hundred connections at once', () => {
  it('log in and work where the limits allow it', async () => {
    const port = await start({
      ...{ maxStartups: 1000, maxPerSource: 1000 },
      ...{ handshakeTimeout: 60_000, authentication: { loginGraceTime: 60_000, failureDelay: 0 } },
      exec: (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
    });
    const connections = await Promise.all(Array.from({ length: 500 }, () => login(port)));
    const outcomes = await Promise.all(
      connections.map((connection, at) => run(connection, 'cat', String(at))),
    );
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(connections.map((_, at) => String(at)));
  }, 60_000);
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

async function expectSoon(isSo: () => boolean): Promise<void> {
  for (let left = 100; left > 0 && !isSo(); left--) await pause(20);
  expect(isSo()).toBe(true);
}

describe('Ten thousand connections, one after the other', () => {
  it('leave nothing behind', async () => {
    const connect = async (): Promise<void> => {
      const [ours, theirs] = memoryPair();
      const ended = new Promise<void>((resolve) => {
        running.add(serve(ours, serverWith()).subscribe({ complete: resolve }));
      });
      await new Promise<void>((resolve, reject) => {
        const client = rawClient(theirs, { proposal }).subscribe({
          next: () => {
            queueMicrotask(() => client.unsubscribe());
            resolve();
          },
          error: reject,
        });
      });
      await ended;
    };
    const timersBefore = timers();
    for (let count = 0; count < 200; count++) await connect();
    const before = await memoryInUse();
    for (let count = 0; count < 10_000; count++) await connect();
    expect((await memoryInUse()) - before).toBeLessThan(2 * MiB);
    // R9: each has let its timers go, but for the moment that the last ones give their peers
    await expectSoon(() => timers() <= timersBefore);
  }, 300_000);
});

describe('A client that reads nothing', () => {
  const CHANNELS = 10;

  function* endless(): Generator<Uint8Array> {
    for (;;) yield new Uint8Array(65_536).fill(7);
  }

  const handlers: readonly (readonly [string, Partial<ListenOptions>])[] = [
    ['in process', { exec: (session) => session.stdout.pump(endless()).pipe(ignoreElements()) }],
    ['by a child process', { exec: childProcess() }],
  ];

  it.each(handlers)(
    'holds up what is made %s within its window and 1 MiB a channel',
    async (_, handler) => {
      const port = await start({
        ...handler,
        authenticate: () => of(true),
        authentication: { allowNone: true },
      });
      const link = await dial(port);
      const peer = new RawPeer(link, { role: 'client' });
      await peer.handshake();
      await peer.login('none');
      const channels = [];
      for (let count = 0; count < CHANNELS; count++)
        channels.push(
          await peer.openChannel('session', { window: 0xffff_ffff, maximumPacket: 0x8000 }),
        );
      const before = await memoryInUse();
      link.stall(true);
      for (const channel of channels)
        peer.send(message.request(channel.peer, 'exec', true, str('yes')));
      // what it makes, it makes now
      await pause(2_000);
      const grown = (await memoryInUse()) - before;
      expect(grown).toBeLessThan(CHANNELS * MiB);
      link.stall(false);
      await peer.until(Msg.DATA);
      peer.close();
    },
    30_000,
  );
});
