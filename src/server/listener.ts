/** The connections of a server: which are let in, what becomes of them, and when the last is over. */
import { type Subscriber, Subscription } from 'rxjs';
import { defaultProvider } from '#crypto';
import { randomFraction } from '../crypto/random.ts';
import { isSshError, SshError } from '../errors.ts';
import { isAddressPattern, matchesAddress } from '../keys/address-patterns.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import type { ConnectionEvent, ListenLimit, ServerEvent } from './events.ts';
import type { ServeOptions } from './options.ts';
import { DEFAULT_PENALTIES, type Offence, type Penalties, PenaltyTable } from './penalties.ts';
import { serve } from './serve.ts';
import { DEFAULT_SOURCE_PREFIX, type Source, sourceOf, type SourcePrefix } from './source.ts';
import { DEFAULT_STARTUP_LIMITS, type MaxStartups, maxStartupsOf, Startups } from './startups.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';

/** How many connections a server has, and of whom. */
export interface ListenerOptions extends ServeOptions {
  /** Connections at a time; 2048 unless said otherwise. */
  readonly maxConnections?: number;
  /**
   * Connections at a time whose users have not logged in yet: a number, or sshd's three. Unless said otherwise it is 10:30:100:
   * beyond 10, chance turns 30 of a hundred away, and more the more there are, up to all of them beyond 100.
   */
  readonly maxStartups?: number | MaxStartups;
  /** The same for those that come from one source; 10 unless said otherwise. */
  readonly maxPerSource?: number;
  /** How many bits of an address make a source; 32 of IPv4 and 128 of IPv6 unless said otherwise. */
  readonly sourcePrefix?: Partial<SourcePrefix>;
  /** Turns sources away for a while that could not log in, over and over; `true` is with OpenSSH's numbers. Off unless asked for. */
  readonly penalties?: boolean | Partial<Penalties>;
  /**
   * Who has no penalties whatever they do: addresses, networks such as `192.0.2.0/24`, and patterns, each with a `!` in front for
   * those that are to have them all the same.
   */
  readonly penaltyExempt?: readonly string[];
}

const DEFAULT_MAXIMUM_CONNECTIONS = 2048;

/** What is no number would be no limit. */
function checkLimits(options: ListenerOptions): void {
  const { maxConnections = 0, maxPerSource = 0, penaltyExempt = [] } = options;
  for (const [option, limit] of Object.entries({ maxConnections, maxPerSource })) {
    if (limit >= 0) continue;
    throw new SshError('config', `${option}: ${String(limit)} is no limit`, { option });
  }
  const wrong = penaltyExempt.find((pattern) => !isAddressPattern(pattern));
  if (wrong === undefined) return;
  const text = `penaltyExempt: ${JSON.stringify(wrong)} is no address, network or pattern`;
  throw new SshError('config', text, { option: 'penaltyExempt' });
}

/** Lets connections in, and serves them. */
export class Listener {
  readonly connections = new Subscription();
  readonly #options: ListenerOptions;
  readonly #subscriber: Subscriber<ServerEvent>;
  readonly #prefix: SourcePrefix;
  readonly #startups: Startups;
  readonly #penalties: Readonly<Record<Source['family'], PenaltyTable>> | undefined;
  #count = 0;
  #isDraining = false;

  constructor(options: ListenerOptions, subscriber: Subscriber<ServerEvent>) {
    const { provider = defaultProvider, penalties = false } = options;
    const { maxStartups, maxPerSource } = DEFAULT_STARTUP_LIMITS;
    checkLimits(options);
    this.#options = options;
    this.#subscriber = subscriber;
    this.#prefix = { ...DEFAULT_SOURCE_PREFIX, ...options.sourcePrefix };
    this.#startups = new Startups(
      {
        maxStartups: maxStartupsOf(options.maxStartups ?? maxStartups),
        maxPerSource: options.maxPerSource ?? maxPerSource,
      },
      () => randomFraction(provider),
    );
    if (penalties === false) return;
    const asked = { ...DEFAULT_PENALTIES, ...(penalties === true ? {} : penalties) };
    const table = (): PenaltyTable => new PenaltyTable(asked, options.scheduler ?? steadyScheduler);
    // whoever has all the addresses of an IPv6 network must not push those of IPv4 out
    this.#penalties = { ipv4: table(), ipv6: table() };
  }

  /** Connections that are there. */
  get count(): number {
    return this.#count;
  }

  /** Somebody has come. */
  accept(duplex: ByteDuplex): void {
    const { peer } = duplex;
    const source = peer === undefined ? undefined : sourceOf(peer.address, this.#prefix);
    const penalties = this.#penaltiesOf(peer?.address, source);
    const limit = this.#exceeded(source, penalties);
    if (limit !== undefined) {
      duplex.destroy();
      this.#subscriber.next({ type: 'refused', peer, limit });
      return;
    }
    this.#count++;
    const visit = new Visit(this.#startups.begin(source?.key));
    const connection = serve(duplex, this.#options).subscribe((event) => {
      const offence = visit.see(event);
      if (offence !== undefined && source !== undefined && !this.#isDraining)
        penalties?.add(source.key, offence);
      this.#subscriber.next(event);
    });
    connection.add(() => {
      visit.slot.unsubscribe();
      this.#count--;
      this.#completeWhenDrained();
    });
    this.connections.add(connection);
  }

  /** Nobody comes any more. */
  drain(): void {
    this.#isDraining = true;
    this.#completeWhenDrained();
  }

  #completeWhenDrained(): void {
    if (this.#isDraining && this.#count === 0) this.#subscriber.complete();
  }

  /** Where the offences of an address are counted; nowhere for one that is exempt. */
  #penaltiesOf(address: string | undefined, source: Source | undefined): PenaltyTable | undefined {
    if (source === undefined || matchesAddress(address, this.#options.penaltyExempt ?? [])) return;
    return this.#penalties?.[source.family];
  }

  #exceeded(
    source: Source | undefined,
    penalties: PenaltyTable | undefined,
  ): ListenLimit | undefined {
    const { maxConnections = DEFAULT_MAXIMUM_CONNECTIONS } = this.#options;
    if (this.#count >= maxConnections) return 'maxConnections';
    if (source !== undefined && penalties?.isActive(source.key) === true) return 'penalties';
    return this.#startups.exceeded(source?.key);
  }
}

/** A connection before its login. */
class Visit {
  /** Its place among those that have not logged in. */
  readonly slot: Subscription;
  #hasTried = false;

  constructor(slot: Subscription) {
    this.slot = slot;
  }

  /** Looks at an event, and says what offence the connection has ended with. */
  see(event: ConnectionEvent): Offence | undefined {
    switch (event.type) {
      case 'auth-attempt':
        this.#hasTried ||= event.attempt.method !== 'none';
        return undefined;
      case 'authenticated':
        this.slot.unsubscribe();
        return undefined;
      case 'closed':
        if (event.connection.user !== undefined) return undefined;
        if (isSshError(event.error, 'timeout')) return 'graceExceeded';
        return this.#hasTried ? 'authFail' : 'noAuth';
      default:
        return undefined;
    }
  }
}
