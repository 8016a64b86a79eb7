/** Fault X1: the other end's process is killed in the middle of a transfer; its kernel says what a kernel says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Channel } from '../../src/channels/channel.ts';
import { runCommand } from '../../src/client/exec.ts';
import { isSshError } from '../../src/errors.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { connectTcp } from '../../src/streams/tcp-node.ts';
import { type Link, socketLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive, Subject } from '../support/raw-peer/subject.ts';

const { Msg } = message;
/** More than is read: the transfer is in its middle, and not so much that this process, which plays both ends, is busy. */
const WINDOW = 4 * 1024 * 1024;

/** Passes bytes on between one connection that it accepts and one that it makes, until it is killed. */
const RELAY = `
  const net = require('node:net');
  const target = Number(process.argv[1]);
  const server = net.createServer((near) => {
    const far = net.connect(target, '127.0.0.1');
    near.pipe(far).pipe(near);
    near.on('error', () => {});
    far.on('error', () => {});
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

interface Relay {
  readonly child: ChildProcess;
  readonly port: number;
}

const children: ChildProcess[] = [];

function startRelay(target: number): Promise<Relay> {
  const child = spawn(process.execPath, ['-e', RELAY, String(target)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (text: Buffer) => resolve({ child, port: Number(text.toString()) }));
  });
}

let server: Server;
let accepted: (link: Link) => void = () => undefined;

beforeAll(async () => {
  server = createServer({ noDelay: true }, (socket) => accepted(socketLink(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server.close();
  for (const child of children) child.kill('SIGKILL');
  await expectAlive();
});

/** Milliseconds since some moment, without wall-clock jumps. */
function since(start: number): number {
  return performance.now() - start;
}

describe('X1: a server that is killed', () => {
  it.each(['while our client receives', 'while our client sends', 'while nothing moves'] as const)(
    '%s is one error on each stream within a second',
    async (when) => {
      const { port: target } = server.address() as { port: number };
      const { child, port } = await startRelay(target);
      const link = new Promise<Link>((resolve) => (accepted = resolve));
      const subjects: Subject[] = [];
      const dialled = connectTcp({ host: '127.0.0.1', port }).subscribe((duplex) =>
        subjects.push(new Subject(duplex, { role: 'client' })),
      );
      const peer = new RawPeer(await link, { role: 'server' });
      await peer.session();
      const [subject] = subjects;
      const connection = await subject?.connected();
      if (subject === undefined || connection === undefined) throw new Error('no subject');
      const ends: string[] = [];
      const ended = (what: string) => ({
        error: (error: unknown): void =>
          void ends.push(`${what} ${isSshError(error) ? error.kind : 'foreign'}`),
        complete: (): void => void ends.push(`${what} complete`),
      });
      function* endless(): Generator<Uint8Array> {
        for (;;) yield new Uint8Array(65_536);
      }
      const stdin = when === 'while our client sends' ? { stdin: endless() } : {};
      runCommand(connection, 'first', stdin).subscribe(ended('command'));
      const raw = await peer.acceptChannel({ window: WINDOW });
      await peer.until(Msg.REQUEST);
      peer.send(message.success(raw.peer));
      const opened: Channel[] = [];
      subject.open().subscribe({
        next: (channel) => {
          channel.stdout$.subscribe(ended('channel'));
          opened.push(channel);
          subject.touch();
        },
        error: () => undefined,
      });
      await peer.acceptChannel();
      await subject.when('the second channel', () => opened[0]);
      if (when === 'while our client receives')
        for (let count = 0; count < 20; count++)
          peer.send(message.data(raw.peer, Buffer.alloc(32_768)));
      if (when === 'while our client sends') await peer.readData(1_000_000);
      const start = performance.now();
      child.kill('SIGKILL');
      expect((await subject.ended()).kind).toBe('connection-lost');
      expect(since(start)).toBeLessThan(1000);
      await new Promise((resolve) => setImmediate(resolve));
      expect([...ends].sort()).toEqual(['channel connection-lost', 'command connection-lost']);
      expect(subject.errors).toHaveLength(1);
      dialled.unsubscribe();
    },
  );
});

describe('X1: a client that is killed', () => {
  it.each(['while our server receives', 'while our server sends', 'while nothing moves'] as const)(
    '%s is one error on each stream within a second',
    async (when) => {
      const duplexes: ByteDuplex[] = [];
      const port = await new Promise<number>((resolve) => {
        const listening = listenTcp({ port: 0 }).subscribe((event) => {
          if (event.type === 'listening') resolve(event.port);
          else duplexes.push(event.duplex);
        });
        closing.push(() => listening.unsubscribe());
      });
      const relay = await startRelay(port);
      const socket = connectSocket({ host: '127.0.0.1', port: relay.port, noDelay: true });
      const peer = new RawPeer(socketLink(socket), { role: 'client' });
      while (duplexes[0] === undefined) await new Promise((resolve) => setImmediate(resolve));
      const ends: string[] = [];
      const subject = new Subject(duplexes[0], {
        role: 'server',
        session: (channel) => {
          channel.closed$.subscribe((error) => ends.push(`channel ${error?.kind ?? 'complete'}`));
          if (when !== 'while our server sends') {
            channel.stdout$.subscribe({
              error: (error: unknown) =>
                ends.push(`stdout ${isSshError(error) ? error.kind : 'foreign'}`),
            });
            return;
          }
          function* endless(): Generator<Uint8Array> {
            for (;;) yield new Uint8Array(65_536);
          }
          channel.stdin.pump(endless()).subscribe({
            error: (error: unknown) =>
              ends.push(`pump ${isSshError(error) ? error.kind : 'foreign'}`),
          });
        },
      });
      await peer.session();
      const raw = await peer.openChannel('session', { window: WINDOW });
      if (when === 'while our server receives')
        for (let count = 0; count < 20; count++)
          peer.send(message.data(raw.peer, Buffer.alloc(32_768)));
      if (when === 'while our server sends') await peer.readData(1_000_000);
      const start = performance.now();
      relay.child.kill('SIGKILL');
      expect((await subject.ended()).kind).toBe('connection-lost');
      expect(since(start)).toBeLessThan(1000);
      await new Promise((resolve) => setImmediate(resolve));
      const stream = when === 'while our server sends' ? 'pump released' : 'stdout connection-lost';
      expect([...ends].sort()).toEqual(['channel connection-lost', stream]);
      expect(subject.errors).toHaveLength(1);
      socket.destroy();
    },
  );
});

const closing: (() => void)[] = [];
afterAll(() => {
  for (const close of closing) close();
});
