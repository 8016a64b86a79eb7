/** New keys on a connection that is at work, on virtual time: who may ask for them, and what must not happen to the data. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, Subscription, VirtualTimeScheduler } from 'rxjs';
import type { SshError } from '../../src/errors.ts';
import { CONNECTION_MESSAGES } from '../../src/messages/connection.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { openTransport, type SshTransport } from '../../src/streams/transport.ts';
import type { TransportOptions } from '../../src/streams/transport-options.ts';
import { DEFAULT_REKEY_LIMITS, type RekeyLimits } from '../../src/transport/rekey-policy.ts';
import { clientOptions, defaultProposal, serverOptions } from '../support/transports.ts';

const LATENCY = 5;
const MINUTE = 60_000;

/** Time that passes when a spec says so. */
class Clock extends VirtualTimeScheduler {
  pass(milliseconds: number): void {
    const end = this.frame + milliseconds;
    this.maxFrames = end;
    this.flush();
    this.frame = end;
  }
}

/** One end of a connection, and what it has seen. */
class End {
  readonly transport: SshTransport;
  readonly received: number[] = [];
  rekeyed = 0;
  error: SshError | undefined;

  constructor(transport: SshTransport) {
    this.transport = transport;
    transport.enterPhase('connection', CONNECTION_MESSAGES);
    transport.upper$.subscribe(({ message }) => {
      if (message?.type === 'CHANNEL_DATA') this.received.push(message.recipientChannel);
    });
    transport.rekeyed$.subscribe(() => this.rekeyed++);
    transport.closed$.subscribe((error) => (this.error = error));
  }

  /** Sends numbered messages of so many bytes each. */
  send(from: number, to: number, bytes = 10): void {
    this.transport.run(() => {
      for (let each = from; each < to; each++) {
        this.transport.send({
          type: 'CHANNEL_DATA',
          recipientChannel: each,
          data: new Uint8Array(bytes),
        });
      }
    });
  }
}

interface Line {
  readonly clock: Clock;
  readonly client: End;
  readonly server: End;
  /** From now on nothing that the server writes arrives. */
  silenceServer(): void;
}

let lines = new Subscription();

afterEach(() => {
  lines.unsubscribe();
  lines = new Subscription();
});

interface LineOptions {
  readonly client?: Partial<TransportOptions>;
  readonly server?: Partial<TransportOptions>;
  readonly chunk?: number;
}

const noLimits: RekeyLimits = { ...DEFAULT_REKEY_LIMITS, milliseconds: 0 };

function limits(more: Partial<RekeyLimits>): Partial<TransportOptions> {
  return { rekey: { ...noLimits, ...more } };
}

/** The client alone has a deadline. */
function onlyClient(rekeyTimeout: number): LineOptions {
  return { client: { rekeyTimeout }, server: { rekeyTimeout: 0 } };
}

/** Two transports whose first key exchange is complete. */
function line(options: LineOptions = {}): Line {
  const clock = new Clock();
  const wire = { scheduler: clock, latency: LATENCY };
  const [clientEnd, serverEnd] = memoryPair(
    options.chunk === undefined ? wire : { ...wire, chunk: options.chunk },
  );
  let isSilent = false;
  const server: ByteDuplex = {
    readable$: serverEnd.readable$,
    end: () => serverEnd.end(),
    destroy: () => serverEnd.destroy(),
    write: (bytes, done) => {
      if (isSilent) done();
      else serverEnd.write(bytes, done);
    },
  };
  const common: Partial<TransportOptions> = {
    scheduler: clock,
    rekey: noLimits,
    proposal: { ...defaultProposal, kex: ['curve25519-sha256'] },
  };
  const ends: { client?: End; server?: End } = {};
  const follow = (duplex: ByteDuplex, of: TransportOptions): Subscription =>
    openTransport(duplex, of).subscribe({
      next: (transport) => (ends[of.role] = new End(transport)),
      error: () => undefined,
    });
  lines.add(follow(clientEnd, clientOptions({ ...common, ...options.client })));
  lines.add(follow(server, serverOptions({ ...common, ...options.server })));
  lines.add(() => clock.pass(MINUTE));
  clock.pass(1000);
  if (ends.client === undefined || ends.server === undefined) throw new Error('no handshake');
  return {
    clock,
    client: ends.client,
    server: ends.server,
    silenceServer: () => (isSilent = true),
  };
}

function upTo(end: number): readonly number[] {
  return Array.from({ length: end }, (_, at) => at);
}

describe('new keys', () => {
  it.each(['client', 'server'] as const)('are there when the %s asks for them', (who) => {
    const { clock, client, server } = line();
    const { sessionId } = client.transport.handshake;
    (who === 'client' ? client : server).transport.rekey();
    clock.pass(1000);
    expect([client.rekeyed, server.rekeyed]).toEqual([1, 1]);
    expect(client.transport.handshake.sessionId).toEqual(sessionId);
    expect(server.transport.handshake.sessionId).toEqual(sessionId);
    client.send(0, 3);
    server.send(0, 3);
    clock.pass(1000);
    expect([client.received, server.received]).toEqual([upTo(3), upTo(3)]);
  });

  it('are agreed on once when both ask at the same time', () => {
    const { clock, client, server } = line();
    client.transport.rekey();
    server.transport.rekey();
    clock.pass(1000);
    expect([client.rekeyed, server.rekeyed]).toEqual([1, 1]);
  });

  it('are agreed on once when somebody asks again meanwhile', () => {
    const { clock, client, server } = line();
    client.transport.rekey();
    client.transport.rekey();
    clock.pass(LATENCY);
    client.transport.rekey();
    clock.pass(1000);
    expect([client.rekeyed, server.rekeyed]).toEqual([1, 1]);
  });

  it('can be asked for any number of times', () => {
    const { clock, client, server } = line();
    for (let round = 0; round < 20; round++) {
      (round % 2 === 0 ? client : server).transport.rekey();
      clock.pass(100);
    }
    expect([client.rekeyed, server.rekeyed]).toEqual([20, 20]);
  });

  it.each([undefined, 1, 100])(
    'lose nothing and leave everything in its order, in chunks of %s',
    (chunk) => {
      const { clock, client, server } = line(chunk === undefined ? {} : { chunk });
      for (let at = 0; at < 60; at++) {
        // at every point of an exchange that latency makes last
        if (at % 10 === 5) (at % 20 === 5 ? client : server).transport.rekey();
        client.send(at * 4, at * 4 + 4);
        server.send(at * 4, at * 4 + 4);
        clock.pass(3);
      }
      clock.pass(5000);
      expect(client.received).toEqual(upTo(240));
      expect(server.received).toEqual(upTo(240));
      expect(client.rekeyed).toBeGreaterThan(3);
      expect(server.rekeyed).toBe(client.rekeyed);
    },
  );

  it('do not let bulk data go while they are on the way', () => {
    const { clock, client } = line();
    expect(client.transport.isWritable).toBe(true);
    client.transport.rekey();
    expect(client.transport.isWritable).toBe(false);
    let resumed = 0;
    client.transport.whenWritable(() => resumed++);
    expect(resumed).toBe(0);
    clock.pass(1000);
    expect(resumed).toBe(1);
    expect(client.transport.isWritable).toBe(true);
  });
});

describe('worn-out keys', () => {
  it.each([
    { who: 'the sender', options: { client: limits({ bytes: 64 * 1024 }) } },
    { who: 'the receiver', options: { server: limits({ bytes: 64 * 1024 }) } },
  ])('are changed after so many bytes, by $who', ({ options }) => {
    const { clock, client, server } = line(options);
    for (let at = 0; at < 100; at++) {
      client.send(at, at + 1, 10_000);
      clock.pass(10);
    }
    clock.pass(1000);
    expect(server.received).toEqual(upTo(100));
    // 1 MB at 64 KiB each, and a little of each exchange goes by under the old keys
    expect(client.rekeyed).toBeGreaterThanOrEqual(8);
    expect(client.rekeyed).toBeLessThanOrEqual(16);
    expect(server.rekeyed).toBe(client.rekeyed);
  });

  it.each([
    { who: 'the sender', options: { client: limits({ packets: 50 }) } },
    { who: 'the receiver', options: { server: limits({ packets: 50 }) } },
  ])('are changed after so many packets, by $who', ({ options }) => {
    const { clock, client, server } = line(options);
    client.send(0, 49);
    clock.pass(1000);
    expect(client.rekeyed).toBe(0);
    client.send(49, 60);
    clock.pass(1000);
    expect([client.rekeyed, server.rekeyed]).toEqual([1, 1]);
    expect(server.received).toEqual(upTo(60));
  });

  it('are not changed below the limit', () => {
    const { clock, client } = line({ client: limits({ bytes: 2 ** 20, packets: 1000 }) });
    client.send(0, 100, 1000);
    clock.pass(10 * MINUTE);
    expect(client.rekeyed).toBe(0);
  });

  it('are changed when they are old, on a connection that is quiet', () => {
    const { clock, client, server } = line({ client: limits({ milliseconds: 10 * MINUTE }) });
    clock.pass(9 * MINUTE);
    expect(client.rekeyed).toBe(0);
    clock.pass(2 * MINUTE);
    expect([client.rekeyed, server.rekeyed]).toEqual([1, 1]);
    clock.pass(30 * MINUTE);
    expect(client.rekeyed).toBe(4);
  });

  it('are as old as they are, whoever has asked for them', () => {
    const { clock, client, server } = line({ client: limits({ milliseconds: 10 * MINUTE }) });
    clock.pass(9 * MINUTE);
    server.transport.rekey();
    clock.pass(9 * MINUTE);
    expect(client.rekeyed).toBe(1);
    clock.pass(2 * MINUTE);
    expect(client.rekeyed).toBe(2);
  });

  it('are changed once when both sides find them old at the same time', () => {
    const both = limits({ milliseconds: 10 * MINUTE });
    const { clock, client, server } = line({ client: both, server: both });
    clock.pass(35 * MINUTE);
    expect([client.rekeyed, server.rekeyed]).toEqual([3, 3]);
  });

  it('never get old when there is no limit', () => {
    const { clock, client } = line();
    clock.pass(48 * 60 * MINUTE);
    expect(client.rekeyed).toBe(0);
  });
});

describe('a key exchange that does not come to its end', () => {
  it('ends the connection at its deadline', () => {
    const { clock, client, silenceServer } = line(onlyClient(30_000));
    silenceServer();
    client.transport.rekey();
    clock.pass(29_999);
    expect(client.error).toBeUndefined();
    clock.pass(1);
    expect(client.error).toMatchObject({
      kind: 'timeout',
      detail: { phase: 'key exchange', milliseconds: 30_000 },
    });
  });

  it('ends the connection at its deadline also when the peer has begun it', () => {
    const { clock, client, server, silenceServer } = line(onlyClient(30_000));
    server.transport.rekey();
    // its KEXINIT is on the way, what would follow is not
    silenceServer();
    clock.pass(31_000);
    expect(client.error).toMatchObject({ kind: 'timeout', detail: { phase: 'key exchange' } });
  });

  it('may take for ever when the deadline is 0', () => {
    const { clock, client, silenceServer } = line(onlyClient(0));
    silenceServer();
    client.transport.rekey();
    clock.pass(24 * 60 * MINUTE);
    expect(client.error).toBeUndefined();
  });

  it('leaves no deadline behind when it does', () => {
    const { clock, client, server } = line();
    client.transport.rekey();
    clock.pass(24 * 60 * MINUTE);
    expect([client.error, server.error]).toEqual([undefined, undefined]);
  });

  it('waits for whoever judges the host key, and the deadline rests meanwhile', () => {
    let isAsked = 0;
    const { clock, client, server } = line({
      client: {
        rekeyTimeout: 30_000,
        verifyHostKey: () => (isAsked++ === 0 ? [true] : NEVER),
      },
      server: { rekeyTimeout: 0 },
    });
    server.transport.rekey();
    clock.pass(60 * MINUTE);
    expect(isAsked).toBe(2);
    expect(client.error).toBeUndefined();
    expect(client.transport.isGateClosed).toBe(true);
  });

  it('still hears the peer, and keeps what there is to say', () => {
    const { clock, client, server } = line();
    client.transport.rekey();
    client.send(0, 5);
    // the server has not heard of it yet
    server.send(0, 5);
    clock.pass(1);
    expect(client.transport.isWritable).toBe(false);
    clock.pass(1000);
    expect(client.received).toEqual(upTo(5));
    expect(server.received).toEqual(upTo(5));
  });

  it('ends the connection with overflow when more than 2 MiB wait for it', () => {
    const { clock, client, server, silenceServer } = line();
    silenceServer();
    client.transport.rekey();
    client.send(0, 63, 32 * 1024);
    clock.pass(100);
    expect(client.error).toBeUndefined();
    client.send(63, 66, 32 * 1024);
    expect(client.error).toMatchObject({
      kind: 'overflow',
      detail: { what: 'messages held during a key exchange', limit: 2 * 1024 * 1024 },
    });
    clock.pass(1000);
    expect(server.received).toEqual([]);
    expect(server.error).toBeDefined();
  });
});

describe('K7: new keys by one method after another', () => {
  it('are agreed on in both roles, and the session stays what it was', () => {
    const kex = ['curve25519-sha256'];
    const proposal = { ...defaultProposal, kex, cipher: ['aes256-ctr'], mac: ['hmac-sha2-512'] };
    const { clock, client, server } = line({ client: { proposal }, server: { proposal } });
    const { sessionId } = client.transport.handshake;
    const chain = [
      'diffie-hellman-group16-sha512',
      'ecdh-sha2-nistp384',
      'diffie-hellman-group-exchange-sha256',
      'curve25519-sha256',
      'ecdh-sha2-nistp521',
    ];
    chain.forEach((name, at) => {
      // the list is read again for each proposal
      kex[0] = name;
      (at % 2 === 0 ? client : server).transport.rekey();
      clock.pass(10 * LATENCY);
      for (const end of [client, server]) {
        expect(end.rekeyed).toBe(at + 1);
        expect(end.transport.handshake.algorithms.kex).toBe(name);
        expect(end.transport.handshake.sessionId).toEqual(sessionId);
      }
      client.send(at, at + 1);
      clock.pass(2 * LATENCY);
    });
    expect(server.received).toEqual([0, 1, 2, 3, 4]);
  });
});
