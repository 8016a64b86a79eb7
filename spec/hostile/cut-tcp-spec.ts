/** Fault X2 over TCP: a connection that is reset at every byte of a session, of our client and of our server. */
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, Observable, Subscription } from 'rxjs';
import { runCommand } from '../../src/client/exec.ts';
import { isSshError } from '../../src/errors.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { connectTcp } from '../../src/streams/tcp-node.ts';
import { socketLink, type Link } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive, Subject } from '../support/raw-peer/subject.ts';

const { Msg } = message;

/** A link that is reset when so many bytes were written to it. */
function resetAt(link: Link, limit: number): Link & { readonly count: () => number } {
  let written = 0;
  return {
    ...link,
    count: () => written,
    write(bytes) {
      const room = limit - written;
      written += bytes.length;
      if (room >= bytes.length) link.write(bytes);
      else if (room >= 0) {
        link.write(bytes.subarray(0, room));
        link.destroy();
      }
    },
  };
}

/** What came of one connection. */
interface Verdict {
  /** Bytes that the raw peer wanted to send. */
  readonly written: number;
  readonly errors: readonly unknown[];
  /** Ends of what hung on the connection: a command at a client, a channel at a server. */
  readonly streams: readonly string[];
}

let server: Server;
let accepted: (link: Link) => void = () => undefined;
const ours = new Subscription();
let ourPort = 0;
let served: (duplex: ByteDuplex) => void = () => undefined;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    accepted(socketLink(socket)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listening = new Observable<{ port: number }>((subscriber) => {
    ours.add(
      listenTcp({ port: 0 }).subscribe((event) => {
        if (event.type === 'listening') subscriber.next(event);
        else served(event.duplex);
      }),
    );
  });
  ourPort = (await firstValueFrom(listening.pipe(filter(({ port }) => port > 0)))).port;
});

afterAll(() => {
  server.close();
  ours.unsubscribe();
});

/** Our client against a raw server that goes all the way: login, a command, its exit. */
async function cutClient(limit: number): Promise<Verdict> {
  const link = new Promise<Link>((resolve) => (accepted = resolve));
  const { port } = server.address() as { port: number };
  const streams: string[] = [];
  const dialled = new Subscription();
  const subject = await new Promise<Subject>((resolve) => {
    dialled.add(
      connectTcp({ host: '127.0.0.1', port }).subscribe({
        next: (duplex) => resolve(new Subject(duplex, { role: 'client' })),
        error: (error: unknown) => streams.push(`dial: ${String(error)}`),
      }),
    );
  });
  const limited = resetAt(await link, limit);
  const peer = new RawPeer(limited, { role: 'server' });
  void subject.connected().then(
    (connection) =>
      runCommand(connection, 'command').subscribe({
        error: (error: unknown) => streams.push(isSshError(error) ? error.kind : 'foreign'),
        complete: () => streams.push('complete'),
      }),
    () => undefined,
  );
  const script = async (): Promise<void> => {
    await peer.session();
    const raw = await peer.acceptChannel();
    await peer.until(Msg.REQUEST);
    peer.send(message.success(raw.peer));
    peer.send(message.data(raw.peer, 'output'));
    peer.send(message.request(raw.peer, 'exit-status', false, Buffer.alloc(4)));
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
  };
  const verdict = await judge(subject, script, limited, streams);
  dialled.unsubscribe();
  return verdict;
}

/** Our server against a raw client that goes all the way: login, a channel, its echo. */
async function cutServer(limit: number): Promise<Verdict> {
  const streams: string[] = [];
  const duplex = new Promise<ByteDuplex>((resolve) => (served = resolve));
  const socket = connectSocket({
    host: '127.0.0.1',
    port: ourPort,
    allowHalfOpen: true,
    noDelay: true,
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const limited = resetAt(socketLink(socket), limit);
  const session = (channel: NonNullable<Subject['channels'][number]>): void => {
    channel.stdin.pump(channel.stdout$).subscribe({ error: () => undefined });
    channel.closed$.subscribe((error) =>
      streams.push(error === undefined ? 'complete' : error.kind),
    );
  };
  const subject = new Subject(await duplex, { role: 'server', session });
  const peer = new RawPeer(limited, { role: 'client' });
  const script = async (): Promise<void> => {
    await peer.session();
    const channel = await peer.openChannel();
    peer.send(message.data(channel.peer, 'input'));
    await peer.readData(5);
    peer.send(message.eof(channel.peer));
    peer.send(message.close(channel.peer));
    await peer.until(Msg.CLOSE);
  };
  return judge(subject, script, limited, streams);
}

async function judge(
  subject: Subject,
  script: () => Promise<void>,
  link: ReturnType<typeof resetAt>,
  streams: string[],
): Promise<Verdict> {
  const isWhole = await script().then(
    () => true,
    () => false,
  );
  if (!isWhole) {
    await subject.ended();
    // what hangs on the connection is told in the same turn
    await new Promise((resolve) => setImmediate(resolve));
  }
  const verdict = { written: link.count(), errors: [...subject.errors], streams: [...streams] };
  subject.stop();
  link.destroy();
  return verdict;
}

describe.each([
  ['client', cutClient],
  ['server', cutServer],
] as const)('X2: our %s', (_, cut) => {
  it('has one typed error for each stream at every byte', async () => {
    const whole = await cut(Number.POSITIVE_INFINITY);
    expect(whole.errors).toEqual([]);
    expect(whole.streams).toEqual(['complete']);
    expect(whole.written).toBeGreaterThan(500);
    const wrong: string[] = [];
    for (let at = 0; at < whole.written; at++) {
      const { errors, streams } = await cut(at);
      const isLost = errors.length === 1 && isSshError(errors[0], 'connection-lost');
      // a stream that was not begun has no end, and one that was complete may stay so
      const isClean =
        streams.length <= 1 && ['', 'complete', 'connection-lost'].includes(streams.join());
      if (!isLost || !isClean) wrong.push(`${at}: ${errors.join()} ${streams.join()}`);
    }
    expect(wrong).toEqual([]);
    await expectAlive();
  }, 60_000);
});
