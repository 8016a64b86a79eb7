/** A listening server lives on whatever one of its clients does: those that are there, and those that come after. */
import { connect as connectSocket, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { of, Subscription } from 'rxjs';
import type { ServerEvent } from '../../src/server/events.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { listen } from '../../src/server/listen-node.ts';
import { byte, Cursor, str } from '../support/raw-peer/bytes.ts';
import { socketLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { Waiter } from '../support/raw-peer/waiter.ts';
import { hostKey } from '../support/transports.ts';

const { Msg } = message;

const events: ServerEvent[] = [];
const failures: unknown[] = [];
const changes = new Waiter();
const running = new Subscription();
const sockets = new Set<Socket>();
let port = 0;
let good: RawPeer;

beforeAll(async () => {
  running.add(
    listen({
      port: 0,
      hostKeys: [hostKey],
      authenticate: (attempt) => of(attempt.method === 'password' && attempt.password === 'right'),
      authentication: { failureDelay: 0 },
      exec: (session) => session.stdout.pump('output').pipe(exitWith(0)),
    }).subscribe({
      next: (event) => {
        if (event.type === 'listening') port = event.port;
        events.push(event);
        changes.wake();
      },
      error: (error: unknown) => failures.push(error),
    }),
  );
  await changes.until('the port', () => (port > 0 ? port : undefined));
  good = await dial();
  await good.session();
});

afterAll(() => {
  running.unsubscribe();
  for (const socket of sockets) socket.destroy();
});

async function dial(): Promise<RawPeer> {
  const socket = connectSocket({ host: '127.0.0.1', port, noDelay: true });
  sockets.add(socket);
  await new Promise<void>((resolve, reject) =>
    socket.once('connect', resolve).once('error', reject),
  );
  return new RawPeer(socketLink(socket), { role: 'client' });
}

/** Runs a command and reads its output and its exit. */
async function run(peer: RawPeer): Promise<string> {
  const channel = await peer.openChannel();
  peer.send(message.request(channel.peer, 'exec', true, str('command')));
  await peer.until(Msg.SUCCESS);
  const output = (await peer.readData(6)).toString();
  const cursor = new Cursor((await peer.until(Msg.REQUEST)).payload).skip(5);
  const exit = `${cursor.text()} ${String(cursor.skip(1).u32())}`;
  await peer.until(Msg.CLOSE);
  peer.send(message.close(channel.peer));
  return `${output} ${exit}`;
}

const attacks: Readonly<Record<string, (peer: RawPeer) => Promise<unknown> | undefined>> = {
  'says nothing and goes': (peer) => {
    peer.link.destroy();
    return undefined;
  },
  'speaks HTTP': async (peer) => peer.sendBytes('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'sends zeros': async (peer) => peer.sendBytes(Buffer.alloc(100_000)),
  'sends noise behind its identification': async (peer) => {
    peer.identify();
    peer.sendBytes(Buffer.alloc(100_000, 0xa5));
  },
  'offers nothing': async (peer) => {
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ kex: [] }));
  },
  'sends a point of low order': async (peer) => {
    await peer.identifyBoth();
    await peer.proposeBoth();
    peer.sendEcdhInit(Buffer.alloc(32));
  },
  'goes within the key exchange': async (peer) => {
    await peer.identifyBoth();
    await peer.proposeBoth();
    peer.link.destroy();
  },
  'changes a bit': async (peer) => {
    await peer.handshake();
    const packet = peer.seal(message.serviceRequest());
    packet[9] = (packet[9] ?? 0) ^ 1;
    peer.sendBytes(packet);
  },
  'opens a channel before the login': async (peer) => {
    await peer.handshake();
    peer.send(message.open('session', 0));
  },
  'says that it is logged in': async (peer) => {
    await peer.handshake();
    peer.send(message.authSuccess());
    peer.send(message.open('session', 0));
  },
  'tries passwords': async (peer) => {
    await peer.handshake();
    await peer.requestService();
    for (let count = 0; count < 10; count++) peer.send(message.password(`wrong ${count}`));
  },
  'sends data to channels that are not there': async (peer) => {
    await peer.session();
    peer.send(message.data(77, 'x'));
  },
  'sends past its window': async (peer) => {
    await peer.session();
    const channel = await peer.openChannel();
    for (let count = 0; count < 70; count++)
      peer.send(message.data(channel.peer, Buffer.alloc(32_768)));
  },
  'sends NEWKEYS': async (peer) => {
    await peer.session();
    peer.send(byte(21));
  },
  'goes in the middle of a command': async (peer) => {
    await peer.session();
    const channel = await peer.openChannel();
    peer.send(message.request(channel.peer, 'exec', true, str('command')));
    peer.link.destroy();
  },
};

function closedCount(): number {
  return events.filter(({ type }) => type === 'closed').length;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
}

describe('a server beside a client that', () => {
  it.each(Object.entries(attacks))('%s', async (_, attack) => {
    const closed = closedCount();
    const before = openSockets();
    const hostile = await dial();
    await attack(hostile);
    await changes.until('its end', () => (closedCount() > closed ? true : undefined));
    expect(closedCount()).toBe(closed + 1);
    hostile.link.destroy();
    expect(await run(good)).toBe('output exit-status 0');
    const next = await dial();
    await next.session();
    expect(await run(next)).toBe('output exit-status 0');
    next.send(message.disconnect());
    await next.expectEnd();
    next.close();
    await changes.until('the end of the good one', () =>
      closedCount() > closed + 1 ? true : undefined,
    );
    for (let turns = 0; turns < 50 && openSockets() > before; turns++) await turn();
    expect(openSockets()).toBeLessThanOrEqual(before);
    expect(failures).toEqual([]);
  });
});
