/**
 * What a raw peer is set upon: our own end in either role, from transport to channels, with a record of everything that the
 * application and its subscribers got to see.
 */
import { afterEach } from '@jest/globals';
import { Observable, of, Subscription } from 'rxjs';
import { authenticateClient } from '../../../src/auth/client.ts';
import type { ClientAuthOptions } from '../../../src/auth/client-options.ts';
import { authenticateServer } from '../../../src/auth/server.ts';
import type { ServerAuthOptions } from '../../../src/auth/server-options.ts';
import type { Channel } from '../../../src/channels/channel.ts';
import type { ChannelOptions } from '../../../src/channels/channel-options.ts';
import {
  type ChannelOpenAnswer,
  type ConnectionOptions,
  SshConnection,
} from '../../../src/channels/connection.ts';
import { isSshError, type SshError } from '../../../src/errors.ts';
import type { ByteDuplex } from '../../../src/streams/byte-duplex.ts';
import { memoryPair, type MemoryPairOptions } from '../../../src/streams/memory-pair.ts';
import { openTransport, type SshTransport } from '../../../src/streams/transport.ts';
import type { TransportOptions } from '../../../src/streams/transport-options.ts';
import { clientOptions, serverOptions } from '../transports.ts';
import type { RawOptions } from './kex-peer.ts';
import { duplexLink } from './link.ts';
import { RawPeer } from './raw-peer.ts';
import { DEADLINE, Waiter } from './waiter.ts';

/** How our end is set up. */
export interface SubjectOptions {
  readonly role: 'client' | 'server';
  readonly transport?: Partial<TransportOptions>;
  readonly clientAuth?: Partial<ClientAuthOptions>;
  readonly serverAuth?: Partial<ServerAuthOptions>;
  readonly connection?: ConnectionOptions;
  /** What a server does with a session; echoes by default. */
  readonly session?: (channel: Channel) => void;
  readonly channel?: ChannelOptions;
  /** Where authentication ends: the transport alone is looked at. */
  readonly transportOnly?: boolean;
}

/** Ends that are not over: each holds timers, so what a spec has forgotten is let go behind it. */
const living = new Set<Subject>();

afterEach(() => {
  for (const subject of living) subject.stop();
});

/** Our end. */
export class Subject {
  readonly role: 'client' | 'server';
  /** Everything of the application that was called, in order. */
  readonly userCode: readonly string[] = [];
  /** What the transport's subscriber got for errors: one at the end, never more. */
  readonly errors: unknown[] = [];
  /** Channels that the peer has opened. */
  readonly channels: Channel[] = [];
  transport: SshTransport | undefined;
  connection: SshConnection | undefined;
  readonly #options: SubjectOptions;
  readonly #open = new Subscription();
  readonly #changes = new Waiter();

  constructor(duplex: ByteDuplex, options: SubjectOptions) {
    this.role = options.role;
    this.#options = options;
    living.add(this);
    const defaults = options.role === 'client' ? clientOptions : serverOptions;
    const { verifyHostKey = () => of(true) } = options.transport ?? {};
    const transportOptions = defaults({
      ...options.transport,
      ...(options.role === 'server'
        ? {}
        : {
            verifyHostKey: (claim) => {
              this.#called('verifyHostKey');
              return verifyHostKey(claim);
            },
          }),
    });
    this.#open.add(
      openTransport(duplex, transportOptions).subscribe({
        next: (transport) => this.#start(transport),
        error: (error: unknown) => {
          this.errors.push(error);
          living.delete(this);
          this.#changes.wake();
        },
      }),
    );
  }

  /** The connection, once the user is authenticated. */
  async connected(): Promise<SshConnection> {
    return this.#changes.until('the connection', () => this.connection ?? this.#unlessEnded());
  }

  /** The transport, once the first keys are there. */
  async opened(): Promise<SshTransport> {
    return this.#changes.until('the transport', () => this.transport ?? this.#unlessEnded());
  }

  /** The channel that the peer has opened as its nth. */
  async accepted(nth = 0): Promise<Channel> {
    return this.#changes.until('a channel', () => this.channels[nth]);
  }

  /** The one error with which it ended. */
  async ended(milliseconds = DEADLINE): Promise<SshError> {
    const error = await this.#changes.until('the end', () => this.errors[0], milliseconds);
    // what nobody has foreseen arrives as an error of the protocol too; a peer that can cause it has found a mistake of ours
    if (!isSshError(error) || error.message.startsWith('internal error'))
      throw new Error('the end is no error that anyone has foreseen', { cause: error });
    return error;
  }

  /** Opens a channel and keeps it: emits it, and errors as `openChannel` does. */
  open(options: ChannelOptions = {}, type = 'session'): Observable<Channel> {
    return new Observable((subscriber) => {
      const { connection } = this;
      if (connection === undefined) throw new Error('no connection yet');
      const opened = connection.openChannel(type, new Uint8Array(0), options).subscribe(subscriber);
      this.#open.add(opened);
      return opened;
    });
  }

  /** Waits for something that the application will see. */
  async when<T>(what: string, look: () => T | undefined, milliseconds = DEADLINE): Promise<T> {
    return this.#changes.until(what, look, milliseconds);
  }

  /** Something that `when` may wait for has happened. */
  touch(): void {
    this.#changes.wake();
  }

  /** Lets it go. */
  stop(): void {
    living.delete(this);
    this.#open.unsubscribe();
  }

  #unlessEnded(): undefined {
    if (this.errors.length > 0) throw new Error('it has ended before', { cause: this.errors[0] });
  }

  #called(what: string): void {
    (this.userCode as string[]).push(what);
    this.#changes.wake();
  }

  #start(transport: SshTransport): void {
    this.transport = transport;
    this.#changes.wake();
    if (this.#options.transportOnly === true) return;
    const done = {
      next: (): void => this.#connect(transport),
      error: (): void => undefined,
    };
    this.#open.add(
      this.role === 'client'
        ? authenticateClient(transport, {
            user: 'me',
            password: 'right',
            methods: ['password'],
            ...this.#options.clientAuth,
          }).subscribe(done)
        : authenticateServer(transport, this.#serverAuth()).subscribe(done),
    );
  }

  #serverAuth(): ServerAuthOptions {
    const { authenticate, ...rest } = this.#options.serverAuth ?? {};
    return {
      failureDelay: 0,
      allowNone: true,
      ...rest,
      authenticate: (attempt) => {
        this.#called(`authenticate ${attempt.method} ${attempt.user}`);
        if (authenticate !== undefined) return authenticate(attempt);
        return of(attempt.method !== 'password' || attempt.password === 'right');
      },
    };
  }

  #connect(transport: SshTransport): void {
    this.#called('connected');
    this.connection = new SshConnection(transport, {
      ...this.#options.connection,
      channels: {
        ...(this.role === 'server' ? { session: () => this.#acceptSession() } : {}),
        ...this.#options.connection?.channels,
      },
    });
    this.#changes.wake();
  }

  #acceptSession(): ChannelOpenAnswer {
    return {
      accept: true,
      options: this.#channelOptions(),
      opened: (channel) => this.#session(channel),
    };
  }

  #channelOptions(): ChannelOptions {
    return {
      onRequest: ({ type }) => {
        this.#called(`request ${type}`);
        return type === 'exec';
      },
      ...this.#options.channel,
    };
  }

  #session(channel: Channel): void {
    this.#called('open session');
    this.channels.push(channel);
    if (this.#options.session === undefined) {
      channel.stdin.pump(channel.stdout$).subscribe({ error: () => undefined });
    } else {
      this.#options.session(channel);
    }
    this.#changes.wake();
  }
}

/** Our end in one role and a raw peer in the other. */
export interface Duel {
  readonly subject: Subject;
  readonly peer: RawPeer;
}

/** Sets a raw peer upon our end, over a wire in memory. */
export function duel(
  options: SubjectOptions,
  raw: Partial<RawOptions> = {},
  wire: MemoryPairOptions = {},
): Duel {
  const [ours, theirs] = memoryPair(wire);
  const peer = new RawPeer(duplexLink(theirs), {
    ...raw,
    role: options.role === 'client' ? 'server' : 'client',
  });
  return { subject: new Subject(ours, options), peer };
}

/** Both roles, for `describe.each`. */
export const ROLES = ['client', 'server'] as const;

/**
 * A good session still works beside whatever happened: our server in this process logs a client in and echoes. What all
 * connections share (buffers, budgets, the delivery scope) is what a hostile one could have spoilt.
 */
export async function expectAlive(): Promise<void> {
  const { subject, peer } = duel({ role: 'server' });
  await peer.session();
  const channel = await peer.openChannel();
  const text = Buffer.alloc(40_000, 'alive');
  const half = Buffer.concat([Buffer.from([94]), Buffer.alloc(8), text.subarray(0, 20_000)]);
  half.writeUInt32BE(channel.peer, 1);
  half.writeUInt32BE(20_000, 5);
  peer.send(half);
  peer.send(half);
  const echo = await peer.readData(40_000);
  subject.stop();
  if (!echo.equals(Buffer.concat([half.subarray(9), half.subarray(9)])))
    throw new Error('the echo is not what was sent');
}
