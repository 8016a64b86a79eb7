/** Clocks that are set, and a program that does not come round to reading. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, take, timer } from 'rxjs';
import { connect } from '../../src/client/connect-node.ts';
import { collect } from '../../src/client/output-operators.ts';
import { steadyScheduler } from '../../src/operators/steady-scheduler.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { closeEmbedded, connected, embedded, keepOpen } from '../support/embedded.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

const HOUR = 3_600_000;

afterEach(async () => {
  jest.restoreAllMocks();
  await closeEmbedded();
});

/** Somebody sets the clock of the machine. */
function setClock(by: number): void {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + by);
}

describe('X18: a clock that is set', () => {
  it.each([
    ['forward', HOUR],
    ['back', -HOUR],
  ])('%s an hour ends no login and no connection, and asks for no new keys', async (_way, by) => {
    const { client$, types } = embedded(
      (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
      {
        server: {
          authenticate: () => {
            setClock(by);
            return timer(5).pipe(map(() => true));
          },
          authentication: { failureDelay: 0, loginGraceTime: 10_000 },
          ...{ idleTimeout: 60_000, unusedTimeout: 60_000 },
          keepalive: { interval: 5, countMax: 3 },
        },
        client: { keepalive: { interval: 5, countMax: 3 } },
      },
    );
    const client = await connected(client$);
    const rekeys: unknown[] = [];
    keepOpen(client.rekeyed$.subscribe(() => rekeys.push(true)));
    setClock(2 * by);
    const roundTrip = await firstValueFrom(client.keepalive$);
    expect([roundTrip >= 0, roundTrip < 5000]).toEqual([true, true]);
    const { stdout } = await lastValueFrom(client.exec('cat', { stdin: 'x' }).pipe(collect()));
    expect(stdout).toBe('x');
    await lastValueFrom(client.rekey(), { defaultValue: undefined });
    await firstValueFrom(client.keepalive$);
    expect([client.isClosed, rekeys.length, types().includes('closed')]).toEqual([false, 1, false]);
  });

  it('is not the clock of the timers', () => {
    const before = steadyScheduler.now();
    setClock(HOUR);
    expect(steadyScheduler.now() - before).toBeLessThan(10_000);
  });
});

describeWithPeer('sshd', 'X29: a program that does nothing else for a while', () => {
  const peer = usePeer(() => startSshd());

  it('takes the server for alive that has answered meanwhile', async () => {
    const { host, port, user, identityFiles } = peer();
    let asked = 0;
    const client = await connected(
      connect(host, {
        ...{ port, user, agent: false, identityFiles: identityFiles.slice(0, 1) },
        ...{ knownHostsFiles: [], hostKeys: { policy: 'no', warn: () => undefined } },
        keepalive: { interval: 100, countMax: 1 },
        trace: (event) => {
          if (event.type !== 'packet' || event.direction !== 'out') return;
          if (event.message !== 'GLOBAL_REQUEST') return;
          asked++;
          // behind the last look at the socket, and before the timers: the answer comes meanwhile
          setImmediate(() => busy(400));
        },
      }),
    );
    await lastValueFrom(client.keepalive$.pipe(take(4)));
    expect([asked, client.isClosed]).toEqual([4, false]);
  });
});

function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
