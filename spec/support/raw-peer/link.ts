/** What a raw peer talks over: bytes in both directions, and how the other end has let go. */
import { connect, type Socket } from 'node:net';
import { afterAll } from '@jest/globals';
import { holdCredit } from '../../../src/operators/credit.ts';
import type { ByteDuplex } from '../../../src/streams/byte-duplex.ts';

/** How the other end has ended: with a FIN, or without. */
export type LinkEnd = 'fin' | 'reset';

/** Where bytes go to and come from. */
export interface Link {
  /** Called for every chunk, which is the receiver's to keep, and once for the end. */
  start(received: (chunk: Buffer) => void, ended: (how: LinkEnd) => void): void;
  write(bytes: Uint8Array): void;
  /** Says FIN. */
  end(): void;
  /** Lets go without a FIN (RST). */
  destroy(): void;
  /** Stops reading, so that the other end's writes come to a halt; `false` goes on. */
  stall(isStalled: boolean): void;
}

/** A link over one end of a duplex. */
export function duplexLink(duplex: ByteDuplex): Link {
  let isStalled = false;
  let held: (() => void)[] = [];
  let waiting: Buffer[] = [];
  let receive: (chunk: Buffer) => void = () => undefined;
  return {
    start(received, ended) {
      receive = received;
      duplex.readable$.subscribe({
        next(chunk) {
          if (!isStalled) {
            received(Buffer.from(chunk));
            return;
          }
          held.push(holdCredit());
          waiting.push(Buffer.from(chunk));
        },
        error: () => ended('reset'),
        complete: () => ended('fin'),
      });
    },
    write: (bytes) => duplex.write(Uint8Array.from(bytes), () => undefined),
    end: () => duplex.end(),
    destroy: () => duplex.destroy(),
    stall(stalled) {
      isStalled = stalled;
      if (stalled) return;
      const [releases, chunks] = [held, waiting];
      held = [];
      waiting = [];
      for (const chunk of chunks) receive(chunk);
      for (const release of releases) release();
    },
  };
}

/** A link over a TCP socket. */
export function socketLink(socket: Socket): Link {
  return {
    start(received, ended) {
      socket.on('data', received);
      socket.on('end', () => ended('fin'));
      socket.on('error', () => ended('reset'));
      socket.on('close', () => ended('reset'));
    },
    write: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    end: () => socket.end(),
    destroy: () => socket.resetAndDestroy(),
    stall(isStalled) {
      if (isStalled) socket.pause();
      else socket.resume();
    },
  };
}

const dialled: Socket[] = [];
afterAll(() => {
  for (const socket of dialled.splice(0)) socket.destroy();
});

/** Dials a port on loopback; the socket is let go at the latest when the spec file is through. */
export function dial(port: number): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    dialled.push(socket);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socketLink(socket));
    });
  });
}
