import { afterEach, describe, expect, it } from '@jest/globals';
import {
  defer,
  firstValueFrom,
  Observable,
  of,
  Subject,
  switchMap,
  take,
  throwError,
  toArray,
} from 'rxjs';
import { connect } from '../../src/client/connect.ts';
import { text } from '../../src/client/output-operators.ts';
import { reconnecting, type ReconnectOptions } from '../../src/client/reconnecting.ts';
import { exec } from '../../src/client/with-client.ts';
import { isSshError, SshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { serve } from '../../src/server/serve.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { Clock } from '../support/clock.ts';
import { closeEmbedded, keepOpen, turn } from '../support/embedded.ts';

afterEach(closeEmbedded);

const LOST = new SshError('connection-lost', 'the cable', {});
const REFUSED = new SshError('auth', 'no', { attempts: [], methodsLeft: [] });

/** A source whose connections a spec makes and breaks, and all that comes of it. */
function scripted(options: ReconnectOptions = {}) {
  const clock = new Clock();
  const dials: Subject<string>[] = [];
  const log: string[] = [];
  const source$ = new Observable<string>((out) => {
    const dial = new Subject<string>();
    dials.push(dial);
    log.push('dial');
    out.add(dial.subscribe(out));
    return () => log.push('let go');
  });
  const shared$ = reconnecting(source$, { delay: 1000, scheduler: clock, ...options });
  keepOpen(
    shared$.state$.subscribe((state) => {
      const more = state.type === 'connecting' ? ` ${String(state.attempt)}` : '';
      const wait = state.type === 'waiting' ? ` ${String(state.milliseconds)}` : '';
      log.push(`${state.type}${more}${wait}`);
    }),
  );
  const hear = (name: string) =>
    shared$.subscribe({
      next: (client) => log.push(`${name}: ${client}`),
      error: (error: unknown) => log.push(`${name}: ${(error as Error).message}`),
      complete: () => log.push(`${name}: complete`),
    });
  const take_ = (): string[] => log.splice(0);
  return { clock, dials, hear, shared$, told: take_ };
}

describe('reconnecting', () => {
  it('gives the client once to who joins when told that it is connected', () => {
    const { dials, hear, shared$, told } = scripted();
    hear('a');
    keepOpen(shared$.state$.subscribe(({ type }) => type === 'connected' && hear('b')));
    told();
    dials[0]?.next('one');
    expect(told()).toEqual(['connected', 'b: one', 'a: one']);
  });

  it('dials for the first subscriber, shares what comes, and lets go behind the last', () => {
    const { dials, hear, told } = scripted();
    expect(told()).toEqual(['idle']);
    const first = hear('a');
    const second = hear('b');
    dials[0]?.next('one');
    const third = hear('c');
    expect(told()).toEqual(['connecting 1', 'dial', 'connected', 'a: one', 'b: one', 'c: one']);
    first.unsubscribe();
    third.unsubscribe();
    expect(told()).toEqual([]);
    second.unsubscribe();
    expect(told()).toEqual(['let go', 'idle']);
  });

  it('dials anew when the connection is lost, and hands nobody the dead one meanwhile', async () => {
    const { clock, dials, hear, told } = scripted();
    hear('a');
    dials[0]?.next('one');
    told();
    dials[0]?.error(LOST);
    hear('b');
    expect(told()).toEqual(['waiting 1000', 'let go']);
    await clock.pass(999);
    expect(told()).toEqual([]);
    await clock.pass(1);
    expect(told()).toEqual(['connecting 2', 'dial']);
    dials[1]?.next('two');
    expect(told()).toEqual(['connected', 'a: two', 'b: two']);
  });

  it('waits longer the more tries have failed, and starts afresh behind a success', async () => {
    const delays: number[] = [];
    const delay = (retry: number): number => {
      delays.push(retry);
      return retry * 10;
    };
    const { clock, dials, hear } = scripted({ delay });
    hear('a');
    for (let failure = 0; failure < 3; failure++) {
      dials.at(-1)?.error(LOST);
      await clock.pass(1000);
    }
    dials.at(-1)?.next('at last');
    dials.at(-1)?.error(LOST);
    expect(delays).toEqual([1, 2, 3, 1]);
  });

  it('never waits longer than a timer can, which would take that for no time at all', async () => {
    const { clock, dials, hear, told } = scripted({ delay: Infinity });
    hear('a');
    dials[0]?.error(LOST);
    expect(told().at(-2)).toBe('waiting 2147483647');
    await clock.pass(1e6);
    expect(dials).toHaveLength(1);
  });

  it('leaves half of the time to chance unless told otherwise', () => {
    const seen = new Set<number>();
    for (let run = 0; run < 20; run++) {
      const shared$ = reconnecting(
        throwError(() => LOST),
        { scheduler: new Clock() },
      );
      keepOpen(shared$.subscribe());
      keepOpen(
        shared$.state$.subscribe(
          (state) => state.type === 'waiting' && seen.add(state.milliseconds),
        ),
      );
    }
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...seen)).toBeLessThanOrEqual(1000);
    expect(seen.size).toBeGreaterThan(10);
  });

  it('tells all subscribers what another try would not help, and dials for the next', () => {
    const { dials, hear, told } = scripted();
    hear('a');
    hear('b');
    told();
    dials[0]?.error(REFUSED);
    expect(told()).toEqual(['failed', 'a: no', 'b: no', 'let go']);
    hear('c');
    expect(told()).toEqual(['connecting 1', 'dial']);
  });

  it('gives up behind `maxRetries` failures in a row', async () => {
    const { clock, dials, hear, told } = scripted({ maxRetries: 2 });
    hear('a');
    for (let failure = 0; failure < 3; failure++) {
      dials[failure]?.error(LOST);
      await clock.pass(1000);
    }
    expect(dials).toHaveLength(3);
    expect(told().slice(-3)).toEqual(['failed', 'a: the cable', 'let go']);
  });

  it.each([{ maxRetries: NaN }, { maxRetries: -1 }, { linger: NaN }])(
    'errors with `config` for %p, and dials nobody',
    (options) => {
      const { dials, hear, told } = scripted(options);
      hear('a');
      const [option] = Object.keys(options);
      expect([told().at(-1), dials]).toEqual([
        `a: ${option ?? ''} is not a number that is not negative`,
        [],
      ]);
    },
  );

  it('stops waiting when nobody is there any more', async () => {
    const { clock, dials, hear, told } = scripted();
    const only = hear('a');
    dials[0]?.error(LOST);
    only.unsubscribe();
    await clock.pass(10_000);
    expect(dials).toHaveLength(1);
    expect(told().at(-1)).toBe('idle');
  });

  it('stays open for `linger` milliseconds', async () => {
    const { clock, dials, hear, told } = scripted({ linger: 500 });
    hear('a').unsubscribe();
    dials[0]?.next('one');
    await clock.pass(499);
    const second = hear('b');
    expect(told().at(-1)).toBe('b: one');
    second.unsubscribe();
    await clock.pass(500);
    expect(told()).toEqual(['let go', 'idle']);
  });

  it('errors with what a function for the delay throws', () => {
    const { dials, hear, told } = scripted({
      delay: () => {
        throw new Error('broken');
      },
    });
    hear('a');
    dials[0]?.error(LOST);
    expect(told()).toContain('a: delay has thrown: broken');
  });

  it.each([Number.NaN, -1, undefined as never])('errors for a delay of %s', (delay) => {
    const { dials, hear, told } = scripted({ delay: () => delay });
    hear('a');
    dials[0]?.error(LOST);
    expect(told()).toContain(`a: a delay of ${String(delay)} ms`);
  });

  it('completes with its source', () => {
    const { dials, hear, told } = scripted();
    hear('a');
    told();
    dials[0]?.complete();
    expect(told()).toEqual(['idle', 'a: complete', 'let go']);
  });

  describe('with real connections', () => {
    /** Each dial reaches a server with the key of its turn; the last one stays. */
    function servers(keys: readonly ReturnType<typeof generatePrivateKey>[], trusted = keys[0]) {
      const events: ConnectionEvent[] = [];
      let dialled = 0;
      const client$ = defer(() => {
        const [near, far] = memoryPair();
        const key = keys[Math.min(dialled++, keys.length - 1)]!;
        const options = { hostKeys: [key], authenticate: () => of(true) };
        const run = (command: string) => of(`ran ${command}`);
        keepOpen(
          serve(far, {
            ...options,
            exec: (session, command) => session.stdout.pump(run(command)).pipe(exitWith(0)),
          }).subscribe((event) => events.push(event)),
        );
        return connect({
          ...{ duplex: of(near), host: 'db1', user: 'alice', password: 'secret' },
          hostKeys: { policy: 'pinned', fingerprints: [fingerprint(trusted!.publicKey)] },
        });
      });
      const cut = (): void =>
        events
          .filter((event) => event.type === 'authenticated')
          .at(-1)
          ?.connection.disconnect('bye');
      const passwords = (): number =>
        events.filter(
          (event) => event.type === 'auth-attempt' && event.attempt.method === 'password',
        ).length;
      return { client$, cut, events, passwords };
    }

    it('goes on with the server that comes back, and repeats no command by itself', async () => {
      const key = generatePrivateKey('ed25519');
      const { client$, cut, events } = servers([key]);
      const db1$ = reconnecting(client$, { delay: 0 });
      const two = firstValueFrom(
        db1$.pipe(
          switchMap((client) => client.exec('uptime').pipe(text())),
          take(2),
          toArray(),
        ),
      );
      const states: string[] = [];
      keepOpen(db1$.state$.subscribe(({ type }) => states.push(type)));
      await firstValueFrom(db1$.pipe(exec('true'), text()));
      cut();
      expect(await two).toEqual(['ran uptime', 'ran uptime']);
      expect(events.filter(({ type }) => type === 'exec')).toHaveLength(3);
      expect(states).toContain('waiting');
    });

    it('refuses a server that comes back with another key, and tells it no password (X25)', async () => {
      const [before, after] = [generatePrivateKey('ed25519'), generatePrivateKey('ed25519')];
      const { client$, cut, passwords } = servers([before, after]);
      const db1$ = reconnecting(client$, { delay: 0 });
      const ended = new Promise<unknown>((resolve) => {
        keepOpen(db1$.subscribe({ error: resolve }));
      });
      await firstValueFrom(db1$);
      const told = passwords();
      cut();
      const error = await ended;
      expect(isSshError(error, 'host-key')).toBe(true);
      await turn();
      expect(passwords()).toBe(told);
    });
  });
});
