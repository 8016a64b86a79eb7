import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  NEVER,
  of,
  reduce,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { collect, exitStatus, stdout } from '../../src/client/output-operators.ts';
import { exec } from '../../src/client/with-client.ts';
import { drain } from '../../src/operators/drain.ts';
import { isSshError } from '../../src/errors.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { Clock } from '../support/clock.ts';
import { allOf, closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';

afterEach(closeEmbedded);

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes of which each tells its place: 251 is a prime, so no boundary of packets hides a shift. */
function* pattern(length: number, piece = 16 * KIB): Generator<Uint8Array> {
  for (let at = 0; at < length; at += piece) {
    yield Uint8Array.from({ length: Math.min(piece, length - at) }, (_, n) => (at + n) % 251);
  }
}

/** The same, a piece a turn: a burst is sealed under the keys that there are. */
async function* paced(length: number): AsyncGenerator<Uint8Array> {
  for (const piece of pattern(length)) {
    await turn();
    yield piece;
  }
}

/** How much of the pattern came, whole and in order. */
function inOrder() {
  return reduce((at: number, bytes: Uint8Array) => {
    for (let n = 0; n < bytes.length; n++) {
      if (bytes[n] !== (at + n) % 251)
        throw new Error(`byte ${String(at + n)} is not in its place`);
    }
    return at + bytes.length;
  }, 0);
}

/** Output without an end, and how much of it was asked for. */
function endless(): { readonly chunks: Iterable<Uint8Array>; produced: number } {
  const source = {
    produced: 0,
    chunks: {
      *[Symbol.iterator](): Generator<Uint8Array> {
        const chunk = new Uint8Array(32 * KIB);
        for (;;) {
          source.produced += chunk.length;
          yield chunk;
        }
      },
    },
  };
  return source;
}

describe('a transfer both ways', () => {
  it.each(['client', 'server', 'both'])(
    'goes on through 100 rekeys by the %s: nothing is lost or reordered',
    async (who) => {
      const length = 5 * MIB;
      const limit = { rekey: { bytes: 48 * KIB } };
      let rekeys = 0;
      const { client$ } = embedded(
        (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
        {
          client: who === 'server' ? {} : limit,
          server: who === 'client' ? {} : limit,
        },
      );
      const client = await connected(client$);
      keepOpen(client.rekeyed$.subscribe(() => rekeys++));
      const echoed$ = client.exec('cat', { stdin: paced(length) }).pipe(stdout(), inOrder());
      expect(await lastValueFrom(echoed$)).toBe(length);
      expect(rekeys).toBeGreaterThanOrEqual(100);
    },
  );

  it('goes on while both sides ask for keys at every turn', async () => {
    const { client$, events } = embedded((session) =>
      session.stdout.pump(session.stdin$).pipe(exitWith(0)),
    );
    const client = await connected(client$);
    const served = events.find((event) => event.type === 'authenticated')?.connection;
    let rekeys = 0;
    const again = (): void => {
      rekeys++;
      if (rekeys > 100) return;
      client.rekey().subscribe({ error: () => undefined });
      served?.rekey();
    };
    keepOpen(client.rekeyed$.subscribe(again));
    again();
    const total = await lastValueFrom(
      client.exec('cat', { stdin: pattern(2 * MIB, 1000) }).pipe(stdout(), inOrder()),
    );
    expect(total).toBe(2 * MIB);
    await firstValueFrom(client.rekey(), { defaultValue: undefined });
    expect(rekeys).toBeGreaterThan(50);
  });
});

describe('a consumer of 1 KiB a second', () => {
  it('is given no more than a window and 1 MiB ahead, while other channels run at full speed', async () => {
    const clock = new Clock();
    const source = endless();
    const { client$ } = embedded((session, command) =>
      session.stdout.pump(command === 'slow' ? source.chunks : pattern(8 * MIB)).pipe(exitWith(0)),
    );
    const client = await connected(client$);
    let consumed = 0;
    const slow$ = client.exec('slow').pipe(
      stdout(),
      drain((chunk) =>
        timer((chunk.length / KIB) * 1000, clock).pipe(tap(() => (consumed += chunk.length))),
      ),
    );
    keepOpen(slow$.subscribe({ error: () => undefined }));
    const isWithin = (): boolean => source.produced - consumed <= 2 * MIB + MIB;
    await clock.pass(60_000);
    expect([isWithin(), consumed > 30 * KIB]).toEqual([true, true]);
    for (let round = 0; round < 3; round++) {
      expect(await lastValueFrom(client.exec('quick').pipe(stdout(), inOrder()))).toBe(8 * MIB);
      await clock.pass(600_000);
      expect(isWithin()).toBe(true);
    }
    // at its pace, and not slower
    expect(consumed).toBeGreaterThan(1700 * KIB);
    expect(consumed).toBeLessThanOrEqual(1860 * KIB);
  });

  it('gets everything when it takes up speed', async () => {
    const clock = new Clock();
    const { client$ } = embedded((session) =>
      session.stdout.pump(pattern(6 * MIB)).pipe(exitWith(0)),
    );
    let isSlow = true;
    const total = lastValueFrom(
      client$.pipe(
        exec('x'),
        stdout(),
        drain((chunk) =>
          (isSlow ? timer(30_000, clock) : of(0)).pipe(ignoreElements(), (done$) =>
            concat(done$, of(chunk)),
          ),
        ),
        inOrder(),
      ),
    );
    await clock.pass(300_000);
    isSlow = false;
    await clock.pass(300_000);
    expect(await total).toBe(6 * MIB);
  });
});

describe('a dump that is pumped into a restore', () => {
  /** A restore that takes 10 KiB a second, and how it has ended. */
  function restore(clock: Clock) {
    const told = { taken: 0, end: 'none' };
    const handler = (session: ServerSession) =>
      session.stdin$.pipe(
        drain((chunk) =>
          timer((chunk.length / (10 * KIB)) * 1000, clock).pipe(
            tap(() => (told.taken += chunk.length)),
          ),
        ),
        tap({
          complete: () => (told.end = 'committed'),
          error: () => (told.end = 'rolled back'),
          unsubscribe: () => (told.end = 'rolled back'),
        }),
        exitWith(0),
      );
    return { told, ...embedded(handler) };
  }

  it('runs at the restore’s pace', async () => {
    const clock = new Clock();
    const source = endless();
    const db1 = embedded((session) => session.stdout.pump(source.chunks).pipe(exitWith(0)));
    const db2 = restore(clock);
    keepOpen(
      db2.client$
        .pipe(exec('restore', { stdin: db1.client$.pipe(exec('dump'), stdout()) }))
        .subscribe({ error: () => undefined }),
    );
    for (let round = 0; round < 5; round++) {
      await clock.pass(60_000);
      // a window on either connection, and what the sinks and wires hold
      expect(source.produced - db2.told.taken).toBeLessThanOrEqual(2 * (2 * MIB + MIB));
    }
    expect(db2.told.taken).toBeGreaterThan(2.8 * MIB);
    expect(db2.told.taken).toBeLessThanOrEqual(3 * MIB);
  });

  it('arrives whole', async () => {
    const db1 = embedded((session) => session.stdout.pump(pattern(3 * MIB)).pipe(exitWith(0)));
    let total: number | undefined;
    const db2 = embedded((session) =>
      session.stdin$.pipe(
        inOrder(),
        tap((all) => (total = all)),
        exitWith(0),
      ),
    );
    const stdin = db1.client$.pipe(exec('dump'), stdout());
    expect(await lastValueFrom(db2.client$.pipe(exec('restore', { stdin }), exitStatus()))).toBe(0);
    expect(total).toBe(3 * MIB);
  });

  it.each<[string, (session: ServerSession) => ReturnType<ReturnType<typeof exitWith>>, string]>([
    ['exits with 1', (session) => session.stdout.pump('half').pipe(exitWith(1)), 'SshError exit'],
    [
      'is killed',
      (session) => session.stdout.pump('half').pipe(exitWith({ signal: 'KILL' })),
      'SshError exit',
    ],
    [
      'fails',
      (session) =>
        concat(
          session.stdout.pump('half').pipe(ignoreElements()),
          throwError(() => new Error('disk')),
        ),
      'SshError exit',
    ],
  ])('fails it when the dump %s: no EOF reaches the restore', async (_what, dump, expected) => {
    const clock = new Clock();
    const db1 = embedded(dump);
    const db2 = restore(clock);
    const seen = allOf(
      db2.client$.pipe(
        exec('restore', { stdin: db1.client$.pipe(exec('dump'), stdout()) }),
        exitStatus(),
      ),
    );
    await clock.pass(10_000);
    expect([(await seen).map(comparable), db2.told.end, db2.types().includes('exit')]).toEqual([
      [expected],
      'rolled back',
      false,
    ]);
  });

  it('fails it when the dump’s connection is lost', async () => {
    const clock = new Clock();
    const db1 = embedded((session) =>
      concat(session.stdout.pump('half').pipe(ignoreElements()), NEVER),
    );
    const db2 = restore(clock);
    const seen = allOf(
      db2.client$.pipe(
        exec('restore', { stdin: db1.client$.pipe(exec('dump'), stdout()) }),
        exitStatus(),
      ),
    );
    await turn();
    db1.ends[0]?.destroy();
    await clock.pass(10_000);
    const [error] = await seen;
    expect([isSshError(error, 'connection-lost'), db2.told.end]).toEqual([true, 'rolled back']);
  });

  it('ends the dump when the restore fails', async () => {
    const source = endless();
    const db1 = embedded((session) => session.stdout.pump(source.chunks).pipe(exitWith(0)));
    const db2 = embedded((session) => session.stdin$.pipe(take(1), exitWith(3)));
    const seen = await lastValueFrom(
      db2.client$.pipe(
        exec('restore', { stdin: db1.client$.pipe(exec('dump'), stdout()) }),
        collect(),
      ),
    );
    expect(seen.exit).toEqual({ kind: 'status', status: 3 });
    await turn();
    const { produced } = source;
    await turn();
    expect([source.produced, db1.types().at(-1)]).toEqual([produced, 'closed']);
  });
});
