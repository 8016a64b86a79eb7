/** Forwardings at work, and what is sent through them. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Observable, OperatorFunction } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { toError } from '../../src/errors.ts';
import type { ForwardedConnection, ForwardEvent } from '../../src/forwarding/forward.ts';
import { keepOpen } from './embedded.ts';
import { type Digest, patternOf } from './peers/ours.ts';
import { dialSocket } from './tcp.ts';

/** A forwarding that listens. */
export interface RunningForwarding {
  /** Its port; 0 for a unix socket. */
  readonly at: number;
  readonly connections: readonly ForwardedConnection[];
  /** What it has errored with so far. */
  readonly errors: readonly unknown[];
  /** Resolves with its error. */
  readonly failed: Promise<unknown>;
}

/** Runs a forwarding until the end of the test; resolves when it listens. */
export function runForwarding(
  client$: Observable<SshClient>,
  forwarding: OperatorFunction<SshClient, ForwardEvent>,
): Promise<RunningForwarding> {
  const connections: ForwardedConnection[] = [];
  const errors: unknown[] = [];
  return new Promise((resolve, reject) => {
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<unknown>((settle) => (fail = settle));
    const next = (event: ForwardEvent): void => {
      if (event.type === 'connection') connections.push(event.connection);
      else resolve({ at: 'port' in event.at ? event.at.port : 0, connections, errors, failed });
    };
    const error = (thrown: unknown): void => {
      errors.push(thrown);
      fail(thrown);
      reject(toError(thrown));
    };
    keepOpen(client$.pipe(forwarding).subscribe({ next, error }));
  });
}

/** Sends the pattern through an echo, as fast as it is taken; resolves with the digest of what comes back. */
export async function digestOfEcho(socket: Socket, bytes: number): Promise<Digest> {
  const hash = createHash('sha256');
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    length += chunk.length;
  });
  const ended = once(socket, 'end');
  await pipeline(Readable.from(patternOf(bytes)), socket);
  await ended;
  return { bytes: length, sha256: hash.digest('hex') };
}

/** A connection by SOCKS 5 (RFC 1928) to a port of the proxy's loopback. */
export async function dialSocks(proxy: number, port: number): Promise<Socket> {
  const socket = await dialSocket(proxy);
  socket.write(Uint8Array.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff));
  const reply = await readExactly(socket, 12);
  if (reply[3] !== 0) throw new Error(`the proxy says ${String(reply[3])}`);
  return socket;
}

/** So many bytes; what comes behind them is for whoever reads on in this turn. */
export function readExactly(socket: Socket, length: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve) => {
    const received = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < length) return;
      socket.off('data', received).pause();
      if (bytes.length > length) socket.unshift(bytes.subarray(length));
      setImmediate(() => socket.resume());
      resolve(bytes.subarray(0, length));
    };
    socket.on('data', received);
  });
}
