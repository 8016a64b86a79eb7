/** The fan-out over real sessions with our own server, in memory. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, ignoreElements, lastValueFrom, NEVER, Observable, of, tap, toArray } from 'rxjs';
import { exec } from '../../src/client/with-client.ts';
import { SshError } from '../../src/errors.ts';
import { fanOut } from '../../src/fleet/fan-out.ts';
import type { FleetEvent } from '../../src/fleet/fleet-event.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { closeEmbedded, embedded, respond } from '../support/embedded.ts';

afterEach(closeEmbedded);

const KIB = 1024;

function shown({ host, event }: FleetEvent): string {
  const what = ((): string => {
    if ('data' in event) return utf8Text(event.data);
    if (event.type === 'error') return event.error.kind;
    if (event.type === 'started') return String(event.attempt);
    return event.type === 'exit' && event.exit.kind === 'status' ? String(event.exit.status) : '';
  })();
  return `${host} ${event.type} ${what}`.trimEnd();
}

const all = (events: Observable<FleetEvent>): Promise<FleetEvent[]> =>
  lastValueFrom(events.pipe(toArray()));

describe('a fan-out over sessions', () => {
  it('tells how each host has ended: with 7, refused, and dead in mid-output', async () => {
    const good = embedded((session) => respond(session, { stdout: 'out', exit: 7 }));
    const refusing = embedded(() => NEVER, { server: { authenticate: () => of(false) } });
    const dying = embedded((session) =>
      concat(session.stdout.pump('half').pipe(ignoreElements()), NEVER),
    );
    const hosts = { good, refusing, dying };
    const events = await all(
      fanOut(Object.keys(hosts) as (keyof typeof hosts)[], (host) =>
        hosts[host].client$.pipe(exec('x')),
      ).pipe(
        tap(({ host, event }) => {
          if (host === 'dying' && event.type === 'stdout')
            for (const end of dying.ends) end.destroy();
        }),
      ),
    );
    const heardOf = (host: string): string[] =>
      events
        .filter((event) => event.host === host)
        .map((event) => shown(event).slice(host.length + 1));
    expect(heardOf('good')).toEqual(['started 1', 'stdout out', 'exit 7', 'done']);
    expect(heardOf('refusing')).toEqual(['started 1', 'error auth', 'done']);
    expect(heardOf('dying')).toEqual(['started 1', 'stdout half', 'error connection-lost', 'done']);
  });

  it('begins anew what was lost before the command was requested', async () => {
    const host = embedded((session) => respond(session, { stdout: 'in' }));
    let dials = 0;
    const client$ = new Observable<never>((subscriber) => {
      dials++;
      const lost = new SshError('connection-lost', 'gone', {});
      if (dials < 3) subscriber.error(lost);
      else subscriber.add(host.client$.subscribe(subscriber as never));
    });
    const events = await all(
      fanOut(['a'], () => client$.pipe(exec('x')), { retries: 5, retryDelay: 1 }),
    );
    expect(events.map(shown)).toEqual([
      'a started 1',
      'a started 2',
      'a started 3',
      'a stdout in',
      'a exit 0',
      'a done',
    ]);
  });

  it('never begins anew once the command was requested, though nothing was heard of it', async () => {
    let runs = 0;
    const host = embedded(() => {
      runs++;
      for (const end of host.ends) end.destroy();
      return NEVER;
    });
    const events = await all(
      fanOut(['a'], () => host.client$.pipe(exec('x')), { retries: 5, retryDelay: 1 }),
    );
    expect(events.map(shown)).toEqual(['a started 1', 'a error connection-lost', 'a done']);
    expect(runs).toBe(1);
    const failed = events.flatMap(({ event }) => (event.type === 'error' ? [event.error] : []));
    expect(failed).toMatchObject([{ transient: false, cause: { kind: 'connection-lost' } }]);
  });

  it('sends one input to all, and goes on without a host that dies', async () => {
    const echo = embedded((session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)));
    const dead = embedded((session) => {
      const die = (): void => {
        for (const end of dead.ends) end.destroy();
      };
      return session.stdin$.pipe(tap(die), ignoreElements());
    });
    const hosts = { a: echo, b: echo, dead };
    const chunks = Array.from({ length: 96 }, (_, index) => new Uint8Array(128 * KIB).fill(index));
    const received = new Map<string, number>();
    const events = await all(
      fanOut(
        Object.keys(hosts) as (keyof typeof hosts)[],
        (host, { stdin$ }) => hosts[host].client$.pipe(exec('x', { stdin: stdin$ })),
        { stdin: chunks },
      ).pipe(
        tap(({ host, event }) => {
          if (event.type === 'stdout')
            received.set(host, (received.get(host) ?? 0) + event.data.length);
        }),
      ),
    );
    expect(received).toEqual(
      new Map([
        ['a', 96 * 128 * KIB],
        ['b', 96 * 128 * KIB],
      ]),
    );
    expect(
      events
        .filter(({ event }) => !('data' in event))
        .map(shown)
        .sort(),
    ).toEqual([
      ...['a done', 'a exit 0', 'a started 1', 'b done', 'b exit 0', 'b started 1'],
      ...['dead done', 'dead error connection-lost', 'dead started 1'],
    ]);
  });

  it('starts its channels with windows of 256 KiB, while others have 2 MiB', async () => {
    const windows: number[] = [];
    const { client$ } = embedded((session) => respond(session, { stdout: 'x' }));
    const spied$ = client$.pipe(
      tap(({ connection }) => {
        const send = connection.transport.send.bind(connection.transport);
        connection.transport.send = (message) => {
          if (message.type === 'CHANNEL_OPEN') windows.push(message.initialWindowSize);
          send(message);
        };
      }),
    );
    await all(fanOut(['a', 'b'], () => spied$.pipe(exec('x'))));
    await lastValueFrom(spied$.pipe(exec('x')));
    await all(fanOut(['c'], () => spied$.pipe(exec('x', { window: 100 * KIB }))));
    expect(windows).toEqual([256 * KIB, 256 * KIB, 2048 * KIB, 100 * KIB]);
  });
});
