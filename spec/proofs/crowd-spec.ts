import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { forkJoin, from, lastValueFrom, mergeMap, Observable, of, reduce, take, tap } from 'rxjs';
import { SshConnection } from '../../src/channels/connection.ts';
import type { Channel } from '../../src/channels/channel.ts';
import { collect, exitStatus, stdout } from '../../src/client/output-operators.ts';
import { lines } from '../../src/client/lines.ts';
import { exec } from '../../src/client/with-client.ts';
import { fanOut } from '../../src/fleet/fan-out.ts';
import { CONNECTION_MESSAGES } from '../../src/messages/connection.ts';
import { drain } from '../../src/operators/drain.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { openTransport, type SshTransport } from '../../src/streams/transport.ts';
import {
  closeEmbedded,
  connected,
  embedded,
  keepOpen,
  respond,
  turn,
} from '../support/embedded.ts';
import { clientOptions, serverOptions } from '../support/transports.ts';

afterEach(closeEmbedded);

const MIB = 1024 * 1024;

setFlagsFromString('--expose_gc');
const gc = runInNewContext('gc') as () => void;

describe('a thousand channels', () => {
  it('work side by side on one connection', async () => {
    const count = 1000;
    let open = 0;
    let most = 0;
    const { client$ } = embedded(
      (session) => {
        most = Math.max(most, ++open);
        return session.stdout
          .pump(session.stdin$)
          .pipe(exitWith(0), tap({ finalize: () => open-- }));
      },
      { server: { maxSessions: count, maxChannels: count } },
    );
    const client = await connected(client$);
    // all are open before the first may end
    const start = new Observable<string>((out) => {
      const wait = (): void => {
        if (most === count) {
          out.next('hello');
          out.complete();
        } else if (!out.closed) setImmediate(wait);
      };
      wait();
    });
    const results$ = forkJoin(
      Array.from({ length: count }, () => client.exec('cat', { stdin: start }).pipe(collect())),
    );
    const results = await lastValueFrom(results$);
    expect(results.every((result) => result.stdout === 'hello')).toBe(true);
    expect([most, client.connection.channelCount]).toEqual([count, 0]);
  });

  it('are refused beyond the limit, and the others go on', async () => {
    const { client$ } = embedded((session) =>
      session.stdout.pump(session.stdin$).pipe(exitWith(0)),
    );
    const client = await connected(client$);
    const held = new Observable<string>((out) => keepOpen(out));
    const outcomes: string[] = [];
    for (let at = 0; at < 12; at++) {
      keepOpen(
        client.exec('cat', { stdin: held }).subscribe({ error: () => outcomes.push('refused') }),
      );
    }
    await turn();
    expect([outcomes, client.connection.channelCount]).toEqual([['refused', 'refused'], 10]);
  });
});

describe('100,000 packets of one byte in one chunk', () => {
  it('arrive in order, without growing the stack', async () => {
    const count = 100_000;
    const [near, far] = memoryPair();
    const gathered: Uint8Array[] = [];
    let isGathering = false;
    // what the server writes is kept back, and then arrives as one
    const slowFar: ByteDuplex = {
      readable$: far.readable$,
      write: (bytes, done) => {
        if (!isGathering) {
          far.write(bytes, done);
          return;
        }
        gathered.push(bytes.slice());
        done();
      },
      end: () => far.end(),
      destroy: () => far.destroy(),
    };
    const ready = (source: Observable<SshTransport>): Promise<SshTransport> =>
      new Promise((resolve, reject) =>
        keepOpen(source.subscribe({ next: resolve, error: reject })),
      );
    const [client, server] = await Promise.all([
      ready(openTransport(near, clientOptions())),
      ready(openTransport(slowFar, serverOptions())),
    ]);
    const connection = new SshConnection(client);
    server.enterPhase('connection', CONNECTION_MESSAGES);
    const opened = new Promise<Channel>((resolve) =>
      keepOpen(
        connection.openChannel('session').subscribe({ next: resolve, error: () => undefined }),
      ),
    );
    await turn();
    const [recipientChannel, initialWindowSize] = [0, 1000];
    server.send({
      type: 'CHANNEL_OPEN_CONFIRMATION',
      recipientChannel,
      senderChannel: 0,
      initialWindowSize,
      maximumPacketSize: 1000,
      payload: new Uint8Array(0),
    });
    const channel = await opened;
    isGathering = true;
    for (let at = 0; at < count; at++) {
      server.send({ type: 'CHANNEL_DATA', recipientChannel, data: Uint8Array.of(at % 251) });
    }
    server.send({ type: 'CHANNEL_EOF', recipientChannel });
    const whole = Buffer.concat(gathered);
    expect(whole.length).toBeGreaterThan(count * 20);
    const received = lastValueFrom(
      channel.stdout$.pipe(
        reduce((at, data) => {
          for (const byte of data) if (byte !== at++ % 251) throw new Error(`byte ${String(at)}`);
          return at;
        }, 0),
      ),
    );
    far.write(whole, () => undefined);
    expect(await received).toBe(count);
  });
});

describe('64 hosts of output without an end', () => {
  /** Most that the process has grown by, over and above where it stood. */
  async function growth(work: (sample: () => void) => Promise<unknown>): Promise<number> {
    gc();
    const before = process.memoryUsage().rss;
    let most = before;
    await work(() => (most = Math.max(most, process.memoryUsage().rss)));
    return most - before;
  }

  const chunk = new TextEncoder().encode('0123456789\n'.repeat(3000));
  const endless: Iterable<Uint8Array> = {
    *[Symbol.iterator](): Generator<Uint8Array> {
      for (;;) yield chunk;
    },
  };

  it('take less than 150 MB, servers and all, whatever becomes of the lines', async () => {
    const hosts = Array.from({ length: 64 }, () =>
      embedded((session) => session.stdout.pump(endless).pipe(exitWith(0))),
    );
    const heard = new Set<string>();
    const grown = await growth(async (sample) => {
      const slow$ = fanOut(
        hosts.map((host, at) => ({ host: `host${String(at)}`, client$: host.client$ })),
        ({ client$ }) => client$.pipe(exec('yes')),
        { concurrency: 64 },
      ).pipe(
        drain(({ host, event }) => {
          sample();
          if (event.type === 'stdout') heard.add(host);
          return event.type === 'stdout' ? turn() : of(undefined);
        }),
        take(2_000),
      );
      await lastValueFrom(slow$);
    });
    expect(heard.size).toBe(64);
    expect(grown).toBeLessThan(150e6);
  });

  it('take less than 150 MB as lines, each of which takes its time', async () => {
    const hosts = Array.from({ length: 64 }, () =>
      embedded((session) => session.stdout.pump(endless).pipe(exitWith(0))),
    );
    const grown = await growth(async (sample) => {
      const slow$ = from(hosts).pipe(
        mergeMap(({ client$ }) => client$.pipe(exec('yes', { window: 256 * 1024 }), lines())),
        drain(() => {
          sample();
          return turn();
        }),
        take(5_000),
      );
      await lastValueFrom(slow$);
    });
    expect(grown).toBeLessThan(150e6);
  });
});

describe('ten thousand commands on one connection', () => {
  it('leave nothing behind', async () => {
    const { client$, events } = embedded((session) => respond(session, { stdout: 'x', exit: 0 }));
    const client = await connected(client$);
    const run = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += 10) {
        await Promise.all(
          Array.from({ length: 10 }, () => lastValueFrom(client.exec('true').pipe(exitStatus()))),
        );
        // the events are the spec's to keep
        events.length = 0;
      }
    };
    const heap = async (): Promise<number> => {
      await turn();
      gc();
      gc();
      return process.memoryUsage().heapUsed;
    };
    await run(1000);
    const before = await heap();
    await run(9000);
    expect((await heap()) - before).toBeLessThan(2 * MIB);
    expect(client.connection.channelCount).toBe(0);
    await lastValueFrom(client.exec('x').pipe(stdout()));
  }, 120_000);
});
