/** `client.get` and `client.put`: over SFTP, and scp where there is none. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { concat, lastValueFrom, type Observable, throwError, toArray } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { hasNoSftp } from '../../src/client/transfer.ts';
import { withClient } from '../../src/client/with-client.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { scpServer } from '../../src/sftp/scp/scp-server.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { localFiles } from '../../src/sftp/transfer/local-files-node.ts';
import { closeEmbedded, embedded, respond } from '../support/embedded.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const inFolder = useTempFolder();
beforeEach(() => {
  writeFileSync(inFolder('a'), 'hello');
});
afterEach(closeEmbedded);

function there(client: SshClient) {
  // a machine that is busy must not make it worth telling how far it is
  const options = { progressInterval: 1e9 };
  return concat(client.put(inFolder('a'), '/x', options), client.get('/x', inFolder('b'), options));
}

function all<T>(
  client$: Observable<SshClient>,
  work: (client: SshClient) => Observable<T>,
): Promise<T[]> {
  return lastValueFrom(client$.pipe(withClient(work), toArray()));
}

describe('get and put of a client', () => {
  it('are SFTP where there is SFTP', async () => {
    const { client$ } = embedded(() => throwError(() => new Error('no command is run')), {
      server: { subsystems: { sftp: sftpServer(memoryFileSystem()) } },
      client: { localFiles },
    });
    const events = await all(client$, there);
    expect(events.map(({ state, protocol }) => [state, protocol])).toEqual([
      ...[
        ['started', undefined],
        ['done', undefined],
        ['started', undefined],
        ['done', undefined],
      ],
    ]);
    expect(readFileSync(inFolder('b'), 'utf8')).toBe('hello');
  });

  it('are scp where there is none, and say so', async () => {
    const { client$ } = embedded(scpServer(memoryFileSystem()), { client: { localFiles } });
    const events = await all(client$, there);
    expect(events.map(({ state, protocol }) => [state, protocol])).toEqual([
      ...[
        ['started', 'scp'],
        ['done', 'scp'],
        ['started', 'scp'],
        ['done', 'scp'],
      ],
    ]);
    expect(readFileSync(inFolder('b'), 'utf8')).toBe('hello');
  });

  it('are what was asked for, and nothing else is tried', async () => {
    const both = {
      server: { subsystems: { sftp: sftpServer(memoryFileSystem()) } },
      client: { localFiles },
    };
    const { client$ } = embedded(scpServer(memoryFileSystem()), both);
    const put = all(client$, (client) => client.put(inFolder('a'), '/x', { protocol: 'scp' }));
    expect((await put).map(({ protocol }) => protocol)).toEqual(['scp', 'scp']);

    const old = embedded(scpServer(memoryFileSystem()), { client: { localFiles } });
    const error: unknown = await all(old.client$, (client) =>
      client.put(inFolder('a'), '/x', { protocol: 'sftp' }),
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'request-refused' });
    expect(hasNoSftp(error)).toBe(true);
    expect(hasNoSftp(new Error('request-refused'))).toBe(false);
  });

  it('say so where there is neither', async () => {
    const { client$ } = embedded((session) => respond(session, { stderr: 'what?', exit: 127 }), {
      client: { localFiles },
    });
    await expect(all(client$, (client) => client.get('/x', inFolder('b')))).rejects.toMatchObject({
      kind: 'sftp',
    });
  });

  it('want local files', async () => {
    const { client$ } = embedded(scpServer(memoryFileSystem()));
    await expect(all(client$, there)).rejects.toMatchObject({ kind: 'unsupported' });
  });
});
