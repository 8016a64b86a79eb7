/** What subscribers may do: come late, come again, come together, throw, and let go of everything but their subscription. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { config, firstValueFrom, lastValueFrom, reduce } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { collect, stdout } from '../../src/client/output-operators.ts';
import type { SessionChannel } from '../../src/client/session.ts';
import { exec, shareClient } from '../../src/client/with-client.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { allOf, closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';
import { memoryInUse, MiB } from '../support/memory.ts';

const unhandled = config.onUnhandledError;
afterEach(async () => {
  config.onUnhandledError = unhandled;
  await closeEmbedded();
});

/** A server whose commands say their own name, and how many have run. */
function counting(): ReturnType<typeof embedded> & { readonly ran: string[] } {
  const ran: string[] = [];
  const server = embedded((session, command) => {
    ran.push(command);
    return session.stdout.pump(`${command}\n`).pipe(exitWith(0));
  });
  return { ...server, ran };
}

describe('X30: subscribers', () => {
  it('run a command once for each subscription, and not before', async () => {
    const { client$, ran } = counting();
    const client = await connected(client$);
    const result$ = client.exec('date').pipe(collect());
    await turn();
    expect(ran).toEqual([]);
    await Promise.all([lastValueFrom(result$), lastValueFrom(result$)]);
    expect(ran).toEqual(['date', 'date']);
  });

  it('share a connection, and not a command', async () => {
    const { client$, ran, types } = counting();
    const shared$ = client$.pipe(shareClient());
    const run = (): Promise<unknown> => lastValueFrom(shared$.pipe(exec('w'), collect()));
    await Promise.all([run(), run(), run()]);
    expect([ran.length, types().filter((type) => type === 'connection').length]).toEqual([3, 1]);
  });

  it('that come late find the first bytes, and the exit, where they were', async () => {
    const { client$ } = counting();
    const client = await connected(client$);
    const session = await sessionOf(client);
    await lastValueFrom(session.exec('late'), { defaultValue: undefined });
    for (let round = 0; round < 5; round++) await turn();
    expect(await allOf(session.stdout$)).toEqual(['late\n', 'complete']);
    expect(await firstValueFrom(session.exit$)).toEqual({ kind: 'status', status: 0 });
  });

  it('that come second to output are told so, and take nothing from the first', async () => {
    const { client$ } = counting();
    const client = await connected(client$);
    const session = await sessionOf(client);
    const both = Promise.all([allOf(session.stdout$), allOf(session.stdout$)]);
    keepOpen(session.exec('one').subscribe());
    const [first, second] = await both;
    expect(first).toEqual(['one\n', 'complete']);
    expect(second.map(comparable)).toEqual(['SshError config']);
  });

  it('that throw are reported as rxjs does, and end nobody else’s work', async () => {
    const reported: unknown[] = [];
    config.onUnhandledError = (error) => reported.push(error);
    const { client$ } = counting();
    const client = await connected(client$);
    keepOpen(
      client.exec('bad').subscribe(() => {
        throw new Error('mine');
      }),
    );
    const good = await lastValueFrom(client.exec('good').pipe(collect()));
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect([good.stdout, client.isClosed]).toEqual(['good\n', false]);
    expect(reported.map(String)).toContain('Error: mine');
  });
});

describe('X32: whoever lets go of everything but the subscription', () => {
  it('keeps the connection: the subscription owns it, and ends it', async () => {
    const { client$, types } = counting();
    const subscription = client$.subscribe();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await memoryInUse();
    expect(types()).toContain('authenticated');
    expect(types()).not.toContain('closed');
    subscription.unsubscribe();
    await turn();
    await turn();
    expect(types()).toContain('closed');
  });
});

describe('X31: a connection that changes its keys all the time', () => {
  it('does so five hundred times without growing', async () => {
    const chunk = new Uint8Array(64 * 1024).fill(7);
    const { client$ } = embedded(
      (session, count) =>
        session.stdout.pump(Array.from({ length: Number(count) }, () => chunk)).pipe(exitWith(0)),
      {
        client: { rekey: { bytes: 48 * 1024 }, algorithms: { kex: ['curve25519-sha256'] } },
        server: { rekey: { bytes: 48 * 1024 } },
      },
    );
    const client = await connected(client$);
    let rekeys = 0;
    keepOpen(client.rekeyed$.subscribe(() => rekeys++));
    const download = (chunks: number): Promise<number> =>
      lastValueFrom(
        client.exec(String(chunks)).pipe(
          stdout(),
          reduce((bytes, data) => bytes + data.length, 0),
        ),
      );
    expect(await download(100)).toBe(100 * chunk.length);
    const before = await memoryInUse();
    for (let round = 0; round < 5; round++) expect(await download(100)).toBe(100 * chunk.length);
    const growth = (await memoryInUse()) - before;
    expect(rekeys).toBeGreaterThanOrEqual(500);
    expect(growth).toBeLessThan(MiB);
  }, 60_000);
});

function sessionOf(client: SshClient): Promise<SessionChannel> {
  return new Promise((resolve) => keepOpen(client.session().subscribe(resolve)));
}
