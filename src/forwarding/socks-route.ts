/** A way whose end a SOCKS client names. */
import { concat, defer, Observable, type Subscriber, Subscription } from 'rxjs';
import { isSshError, type SshError } from '../errors.ts';
import { OpenFailureReason } from '../messages/codes.ts';
import { fromPull } from '../operators/from-pull.ts';
import { nest } from '../operators/nest.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { connectionLost } from '../streams/ending.ts';
import { concatBytes } from '../wire/bytes.ts';
import type { TcpEndpoint } from './endpoint.ts';
import type { Route } from './forward.ts';
import { readSocks, type SocksOutcome, socksReply, type SocksStep } from './socks.ts';

const DEFAULT_HANDSHAKE_TIMEOUT = 10_000;

/** What a client has asked for, and itself behind that. */
interface SocksRequest {
  readonly to: TcpEndpoint;
  readonly near: ByteDuplex;
  readonly reply: (outcome: SocksOutcome, done?: () => void) => void;
}

/**
 * Asks each client where it wants to go (SOCKS 4, 4a, 5), and dials. A client that does not keep to the protocol ends with
 * `protocol`, and one that does not come to its request in time with `timeout` (phase `SOCKS`).
 *
 * @param dial - connects to where the client wants to
 * @param handshakeTimeout - milliseconds; 10 000 by default
 */
export function socksRoute(
  dial: (to: TcpEndpoint, near: ByteDuplex) => Observable<ByteDuplex>,
  handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT,
): Route {
  return (near, leadsTo) =>
    readRequest(near, handshakeTimeout).pipe(
      nest((request) => {
        leadsTo(request.to);
        return dialled(request, dial(request.to, near));
      }),
    );
}

/** Tells the client what has come of it, behind which its own bytes follow. */
function dialled({ near, reply }: SocksRequest, far$: Observable<ByteDuplex>): ReturnType<Route> {
  return new Observable((out) => {
    out.add(
      far$.subscribe({
        next: (far) => {
          reply('connected');
          out.next({ near, far });
        },
        error: (error: unknown) => {
          // the client is told before it is let go
          reply(outcomeOf(error), () => out.error(error));
          near.end();
        },
        complete: () => out.complete(),
      }),
    );
  });
}

function outcomeOf(error: unknown): SocksOutcome {
  if (isSshError(error, 'connect')) return 'refused';
  if (!isSshError(error, 'channel-open')) return 'failed';
  const { reasonCode } = error.detail;
  if (reasonCode === OpenFailureReason.CONNECT_FAILED) return 'refused';
  return reasonCode === OpenFailureReason.ADMINISTRATIVELY_PROHIBITED ? 'not-allowed' : 'failed';
}

/** Emits the request once, and completes. */
function readRequest(near: ByteDuplex, handshakeTimeout: number): Observable<SocksRequest> {
  return new Observable((out) => {
    const late = (): void => out.error(timeoutError('SOCKS', handshakeTimeout));
    out.add(after(handshakeTimeout, late));
    new Handshake(near, out).start();
  });
}

class Handshake {
  readonly #near: ByteDuplex;
  readonly #out: Subscriber<SocksRequest>;
  readonly #reading = new Subscription();
  #unread = new Uint8Array(0);
  #isGreeted = false;

  constructor(near: ByteDuplex, out: Subscriber<SocksRequest>) {
    this.#near = near;
    this.#out = out;
  }

  start(): void {
    this.#out.add(this.#reading);
    this.#reading.add(
      this.#near.readable$.subscribe({
        next: (chunk) => this.#receive(chunk),
        error: (error: unknown) => this.#out.error(error),
        complete: () => this.#out.error(connectionLost('the SOCKS client has left')),
      }),
    );
  }

  #receive(chunk: Uint8Array): void {
    this.#unread = new Uint8Array(concatBytes([this.#unread, chunk]));
    for (;;) {
      const step = readSocks(this.#unread, this.#isGreeted);
      if (step.type === 'more') return;
      if (step.type !== 'reply') {
        this.#finish(step);
        return;
      }
      this.#isGreeted = true;
      this.#unread = this.#unread.slice(step.length);
      this.#near.write(step.reply, nothing);
    }
  }

  #finish(step: Extract<SocksStep, { readonly type: 'connect' | 'refuse' }>): void {
    this.#reading.unsubscribe();
    const near = this.#near;
    if (step.type === 'refuse') {
      this.#refuse(step.error, step.reply);
      return;
    }
    const { to, version } = step;
    const rest = this.#unread.slice(step.length);
    const reply: SocksRequest['reply'] = (outcome, done = nothing) =>
      near.write(socksReply(version, outcome), done);
    this.#out.next({ to, reply, near: rest.length === 0 ? near : withUnread(near, rest) });
    this.#out.complete();
  }

  /** The client is told before it is let go. */
  #refuse(error: SshError, reply: Uint8Array): void {
    this.#near.write(reply, () => this.#out.error(error));
    this.#near.end();
  }
}

/** A duplex of which some bytes were read already. */
function withUnread(duplex: ByteDuplex, bytes: Uint8Array): ByteDuplex {
  return {
    readable$: concat(
      defer(() => fromPull([bytes])),
      duplex.readable$,
    ),
    write: (out, done) => duplex.write(out, done),
    end: () => duplex.end(),
    destroy: (error) => duplex.destroy(error),
    ...(duplex.peer === undefined ? {} : { peer: duplex.peer }),
    ...(duplex.closed$ === undefined ? {} : { closed$: duplex.closed$ }),
  };
}

function nothing(): void {
  // a reply is short, and whoever does not read it is let go with all the rest
}
