import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, ignoreElements, map, of } from 'rxjs';
import { sftp, withClient } from '../../src/client/with-client.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { allOf, closeEmbedded, connected, embedded, turn } from '../support/embedded.ts';

afterEach(closeEmbedded);

function serving(files = memoryFileSystem()): ReturnType<typeof embedded> {
  return embedded(() => of(0), { server: { subsystems: { sftp: sftpServer(files) } } });
}

/** Lets everything happen that needs no time, on both sides of the wire. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

describe('sftp', () => {
  it('runs work on a client and lets everything go behind it', async () => {
    const { client$, types } = serving();
    const seen = await allOf(
      client$.pipe(sftp((fs) => fs.realpath('.').pipe(map(({ text }) => text)))),
    );
    expect(seen).toEqual(['/', 'complete']);
    await settled();
    expect(types()).toContain('closed');
  });

  it('keeps what was written for the next one', async () => {
    const { client$ } = serving();
    const write$ = client$.pipe(sftp((fs) => fs.writeFile('/a', 'content')));
    expect(await allOf(write$)).toEqual(['complete']);
    expect(await allOf(client$.pipe(sftp((fs) => fs.read('/a'))))).toEqual(['content', 'complete']);
  });

  it('is one channel of several', async () => {
    const client = await connected(serving().client$);
    const first = client.sftp().subscribe();
    expect(await allOf(client.sftp().pipe(withClient((fs) => fs.exists('/'))))).toEqual([
      true,
      'complete',
    ]);
    await settled();
    expect(client.connection.channelCount).toBe(1);
    first.unsubscribe();
    await settled();
    expect(client.connection.channelCount).toBe(0);
  });

  it('is refused by a server that has none', async () => {
    const { client$ } = embedded(() => of(0));
    expect(await allOf(client$.pipe(sftp((fs) => fs.list('/'))))).toMatchObject([
      { kind: 'request-refused', detail: { request: 'subsystem' } },
    ]);
  });

  it('errors with what a server says that ends before it begins', async () => {
    const { client$ } = embedded(() => of(0), {
      server: {
        subsystems: {
          sftp: ({ stderr }) =>
            concat(
              stderr.pump('sh: sftp-server: \u001bnot found\n').pipe(ignoreElements()),
              of(127),
            ),
        },
      },
    });
    expect(await allOf(client$.pipe(sftp((fs) => fs.list('/'))))).toMatchObject([
      {
        kind: 'connection-lost',
        message: expect.stringContaining('it says "sh: sftp-server: \\x1bnot found"'),
      },
    ]);
  });

  it('errors with what ends the connection', async () => {
    const { client$, ends } = serving();
    const closed = allOf(client$.pipe(sftp((fs) => fs.closed$)));
    await settled();
    for (const end of ends) end.destroy();
    expect(await closed).toMatchObject([{ kind: 'connection-lost' }, 'complete']);
  });
});
