/** What our client forwards over real servers: amounts, half-closes, a database, and the end of it all. */
import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, type Observable, type OperatorFunction } from 'rxjs';
import {
  exec,
  type ForwardEvent,
  forwardLocal,
  forwardRemote,
  remoteSocksProxy,
  shareClient,
  socksProxy,
  type SshClient,
  SshError,
  text,
} from '../../src/node.ts';
import { closeEmbedded, keepOpen } from '../support/embedded.ts';
import { dialSocks, digestOfEcho, readExactly, runForwarding } from '../support/forwardings.ts';
import { startDropbear } from '../support/peers/dropbear.ts';
import { connectTo, digestOfPattern } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, requirePeer, usePeer } from '../support/peers/peer.ts';
import { postgresPrograms, startPostgres } from '../support/peers/postgres.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { closeSockets, dialSocket, echo, readAll, serveSockets } from '../support/tcp.ts';

const MIB = 1024 * 1024;
const AMOUNT = 100 * MIB;
const LONG = 120_000;
const MANY = 60;

afterEach(async () => {
  await closeEmbedded();
  await closeSockets();
});

/** Each kind of forwarding, and how one gets through it to a port of this machine. */
type Way = (client$: Observable<SshClient>, port: number) => Promise<() => Promise<Socket>>;

const listen = { port: 0 };

function through(forwarding: (port: number) => OperatorFunction<SshClient, ForwardEvent>): Way {
  return async (client$, port) => {
    const { at } = await runForwarding(client$, forwarding(port));
    return () => dialSocket(at);
  };
}

function proxied(forwarding: OperatorFunction<SshClient, ForwardEvent>): Way {
  return async (client$, port) => {
    const { at } = await runForwarding(client$, forwarding);
    return () => dialSocks(at, port);
  };
}

const WAYS: readonly (readonly [string, Way])[] = [
  ['-L', through((port) => forwardLocal({ listen, to: { host: '127.0.0.1', port } }))],
  ['-R', through((port) => forwardRemote({ listen, to: { host: '127.0.0.1', port } }))],
  ['-D', proxied(socksProxy({ listen }))],
  ['-R with a port alone', proxied(remoteSocksProxy({ listen }))],
];

/** Who ends first, and how much each says: the same numbers at every run. */
interface Talk {
  readonly first: 'client' | 'target' | 'nobody';
  readonly asks: number;
  readonly answers: number;
}

function talks(count: number): readonly Talk[] {
  let seed = 7;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  return Array.from({ length: count }, () => ({
    first: (['client', 'target', 'nobody'] as const)[below(3)] ?? 'nobody',
    asks: 1 + below(200_000),
    answers: 1 + below(200_000),
  }));
}

/** Keeps to the talk of which it is told the number first, and tells how much it has heard. */
function keepTo(
  all: readonly Talk[],
  told: (number: number, heard: Promise<number>) => void,
): (socket: Socket) => void {
  return (socket) =>
    void (async () => {
      const [number = 0] = await readExactly(socket, 1);
      const { first, answers } = all[number]!;
      const heard = readAll(socket);
      told(
        number,
        heard.then(({ length }) => length),
      );
      if (first === 'client') await heard;
      socket.end(Buffer.alloc(answers, 'a'));
    })().catch(() => socket.destroy());
}

async function talk(socket: Socket, number: number, { first, asks }: Talk): Promise<number> {
  socket.write(Uint8Array.of(number));
  const heard = readAll(socket);
  if (first === 'target') await heard;
  socket.end(Buffer.alloc(asks, 'q'));
  return (await heard).length;
}

function describeProofs(peer: () => Peer): void {
  const client$ = (): Observable<SshClient> => connectTo(peer());

  describe.each(WAYS)('through %s', (_name, way) => {
    it(
      'carries 100 MiB each way at once, whole',
      async () => {
        const dial = await way(client$(), await serveSockets(echo));
        expect(await digestOfEcho(await dial(), AMOUNT)).toEqual(digestOfPattern(AMOUNT));
      },
      LONG,
    );

    it('carries half-closes by either side, as they fall', async () => {
      const all = talks(MANY);
      const asked: Promise<number>[] = [];
      const target = keepTo(all, (number, heard) => {
        asked[number] = heard;
      });
      const dial = await way(client$(), await serveSockets(target));
      const heard = await Promise.all(
        all.map(async (each, number) => talk(await dial(), number, each)),
      );
      expect(heard).toEqual(all.map(({ answers }) => answers));
      expect(await Promise.all(asked)).toEqual(all.map(({ asks }) => asks));
    });
  });
}

describeWithPeer('sshd', 'our client over OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());

  describeProofs(peer);

  /** A forwarding over a second connection that stands on a first, with one connection at work. */
  async function standing() {
    const outer$ = connectTo(peer()).pipe(shareClient());
    const inner$ = connectTo(peer(), { via: outer$ }).pipe(shareClient());
    const keptErrors: unknown[] = [];
    keepOpen(outer$.subscribe({ error: () => undefined }));
    keepOpen(inner$.subscribe({ error: (error: unknown) => keptErrors.push(error) }));
    const to = { host: '127.0.0.1', port: await serveSockets(echo) };
    const forwarding = await runForwarding(inner$, forwardLocal({ listen, to }));
    const socket = await dialSocket(forwarding.at);
    socket.write('x');
    await readExactly(socket, 1);
    const ends: unknown[] = [];
    keepOpen(forwarding.connections[0]!.closed$.subscribe((error) => ends.push(error)));
    const broken = readAll(socket).catch((error: unknown) => error);
    const command: unknown[] = [];
    keepOpen(
      inner$.pipe(exec('sleep 60')).subscribe({ error: (error: unknown) => command.push(error) }),
    );
    return { outer$, inner$, forwarding, ends, broken, command };
  }

  it.each(['inner', 'outer'] as const)(
    'ends all that stands on the %s connection when it is killed, each with one typed error',
    async (which) => {
      const { outer$, inner$, forwarding, ends, broken, command } = await standing();
      const killed$ = which === 'outer' ? outer$ : inner$;
      keepOpen(killed$.pipe(exec('kill -KILL $PPID')).subscribe({ error: () => undefined }));
      expect(await forwarding.failed).toBeInstanceOf(SshError);
      expect(await broken).toMatchObject({ code: 'ECONNRESET' });
      expect([forwarding.errors.length, ends.length, command.length]).toEqual([1, 1, 1]);
      for (const error of [...ends, ...command]) expect(error).toBeInstanceOf(SshError);
      // and nothing below it
      if (which === 'inner')
        expect(await lastValueFrom(outer$.pipe(exec('echo on'), text()))).toBe('on\n');
    },
  );
});

describeWithPeer('dropbear', 'our client over Dropbear', () => {
  describeProofs(usePeer(() => startDropbear('256', { forwards: true })));
});

/** Without them these are skipped; in CI they fail. */
const withPostgres =
  (postgresPrograms() !== undefined && requirePeer('psql') === undefined) ||
  process.env['CI'] !== undefined
    ? it
    : it.skip;

describeWithPeer('sshd', 'PostgreSQL behind OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());
  const run = promisify(execFile);

  withPostgres(
    'has psql work through forwardLocal',
    async () => {
      const postgres = await startPostgres();
      try {
        const to = { host: '127.0.0.1', port: postgres.port };
        const { at, connections } = await runForwarding(
          connectTo(peer()),
          forwardLocal({ listen, to }),
        );
        const psql = async (statement: string): Promise<string> => {
          const target = ['-h', '127.0.0.1', '-p', String(at), '-U', 'app', 'app'];
          const options = { maxBuffer: 16 * MIB };
          return (await run('psql', [...target, '-Atc', statement], options)).stdout;
        };
        expect(await psql('create table words (word text)')).toBe('CREATE TABLE\n');
        expect(await psql('insert into words select n from generate_series(1, 200000) as n')).toBe(
          'INSERT 0 200000\n',
        );
        const words = Array.from({ length: 200_000 }, (_, n) => `${String(n + 1)}\n`);
        expect(await psql('copy words to stdout')).toBe(words.join(''));
        for (const { closed$ } of connections)
          expect(await firstValueFrom(closed$)).toBeUndefined();
      } finally {
        await postgres.stop();
      }
    },
    LONG,
  );
});
