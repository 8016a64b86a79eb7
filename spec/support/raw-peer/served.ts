/** The whole server, `serve` and its handlers, with a raw client set upon it; time passes when the spec says so. */
import { afterEach } from '@jest/globals';
import { of, type Subscription } from 'rxjs';
import type { ConnectionEvent } from '../../../src/server/events.ts';
import type { ServeOptions } from '../../../src/server/options.ts';
import { serve } from '../../../src/server/serve.ts';
import { memoryPair, type MemoryPairOptions } from '../../../src/streams/memory-pair.ts';
import { Clock } from '../clock.ts';
import { hostKey } from '../transports.ts';
import { duplexLink } from './link.ts';
import { RawPeer } from './raw-peer.ts';

/** A server for one connection, and its client. */
export interface Served {
  readonly peer: RawPeer;
  readonly clock: Clock;
  /** What the server has told so far. */
  readonly events: ConnectionEvent[];
  /** Has its stream completed? */
  isOver(): boolean;
  /** How it has ended; rejects while it has not. */
  end(): Extract<ConnectionEvent, { type: 'closed' }>;
}

const living = new Set<Subscription>();

afterEach(() => {
  for (const subscription of living) subscription.unsubscribe();
  living.clear();
});

/** Whoever comes as `me` with the password `right` is let in. */
export function servedDuel(
  options: Partial<ServeOptions> = {},
  wire: MemoryPairOptions = {},
): Served {
  const [ours, theirs] = memoryPair(wire);
  const clock = new Clock();
  const events: ConnectionEvent[] = [];
  let isOver = false;
  const peer = new RawPeer(duplexLink(theirs), { role: 'client' });
  living.add(
    serve(ours, {
      hostKeys: [hostKey],
      authenticate: (attempt) => of(attempt.method === 'password' && attempt.password === 'right'),
      keepalive: { interval: 0 },
      scheduler: clock,
      ...options,
      authentication: { failureDelay: 0, ...options.authentication },
    }).subscribe({
      next: (event) => events.push(event),
      complete: () => (isOver = true),
    }),
  );
  const end = (): Extract<ConnectionEvent, { type: 'closed' }> => {
    const last = events.at(-1);
    if (last?.type === 'closed') return last;
    throw new Error(`not over: ${events.map(({ type }) => type).join(', ')}`);
  };
  return { peer, clock, events, isOver: () => isOver, end };
}
