/** Our client against Erlang's server: logins, a command, new keys under way, SFTP. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { concat, firstValueFrom, lastValueFrom, of, switchMap, tap, toArray } from 'rxjs';
import { type ConnectOptions, isSshError, sftp, text, withClient } from '../../src/node.ts';
import { type ErlangServer, startErlang } from '../support/peers/erlang.ts';
import { KEY_KINDS } from '../support/peers/key-files.ts';
import { connectTo, digestOf, digestOfPattern, patternOf, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';

const MIB = 1024 * 1024;

describeWithPeer('erl', 'Erlang', () => {
  // its own fault: it drops one connection in a hundred, whoever the client is
  jest.retryTimes(2);
  let server: ErlangServer | undefined;
  const peer = usePeer(async () => (server = await startErlang()));

  it.each(KEY_KINDS.map(({ type }) => type))('lets our %s key in', async (type) => {
    const identityFiles = peer().identityFiles.filter((file) => file.endsWith(type));
    const { stdout, stderr, exit } = await runOn(peer(), 'both 3', {}, { identityFiles });
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect(exit).toEqual({ kind: 'status', status: 3 });
  });

  const byPassword: readonly (readonly [string, (password: string) => Partial<ConnectOptions>])[] =
    [
      ['password', (password) => ({ password })],
      [
        'keyboard-interactive',
        (password) => ({ keyboardInteractive: ({ prompts }) => prompts.map(() => password) }),
      ],
    ];
  it.each(byPassword)('lets us in by %s, and not by another', async (method, options) => {
    const { password = '' } = peer();
    const login = (secret: string) =>
      firstValueFrom(
        connectTo(peer(), { identities: [], ...options(secret) }).pipe(
          withClient((client) => [client.login.method]),
        ),
      );
    expect(await login(password)).toBe(method);
    const error: unknown = await login('wrong').catch((reason: unknown) => reason);
    if (!isSshError(error, 'auth')) throw error as Error;
  });

  it('gives 3 MiB back unharmed, while we ask for new keys', async () => {
    let rekeys = 0;
    const client$ = connectTo(peer(), { rekey: { bytes: MIB } }).pipe(
      // eslint-disable-next-line rxjs-x/no-subscribe-in-pipe -- counts beside the pipe, and ends with the client
      tap((client) => client.rekeyed$.subscribe(() => rekeys++)),
    );
    const stdin = patternOf(3 * MIB);
    await expect(digestOf(client$, 'cat', { stdin })).resolves.toEqual(digestOfPattern(3 * MIB));
    expect(rekeys).toBeGreaterThan(0);
  });

  it('gets 1 MiB unharmed', async () => {
    const { stdout } = await runOn(peer(), 'sha256', { stdin: patternOf(MIB) });
    expect(stdout).toBe(digestOfPattern(MIB).sha256);
  });

  it('takes new keys when we ask', async () => {
    const texts = await firstValueFrom(
      connectTo(peer()).pipe(
        withClient((client) => {
          const echo$ = client.exec('cat', { stdin: 'words' }).pipe(text());
          return concat(echo$, client.rekey(), echo$, client.rekey(), echo$).pipe(toArray());
        }),
      ),
    );
    expect(texts).toEqual(['words', 'words', 'words']);
  });

  it('says the status of what it does not know', async () => {
    const result = await runOn(peer(), 'nothing');
    expect(result).toMatchObject({
      ...{ stdout: '', stderr: 'no such command\n', exit: { kind: 'status', status: 127 } },
    });
  });

  it('has files: put, listed, got, renamed, removed', async () => {
    const folder = server?.files ?? '';
    const bytes = Buffer.concat([...patternOf(MIB)]);
    const [here, back] = [join(folder, '..', 'here'), join(folder, '..', 'back')];
    writeFileSync(here, bytes);
    const names = await lastValueFrom(
      connectTo(peer()).pipe(
        sftp((files) =>
          concat(
            files.put(here, '/there'),
            // over what is there: it has no posix-rename@openssh.com
            files.put(here, '/there'),
            files.rename('/there', '/moved'),
            files.get('/moved', back),
            files.list('/').pipe(
              toArray(),
              switchMap((entries) => of(entries.map(({ name }) => name.text))),
            ),
          ).pipe(toArray()),
        ),
      ),
    );
    expect(names.at(-1)).toContain('moved');
    expect(readFileSync(back).equals(bytes)).toBe(true);
    await lastValueFrom(connectTo(peer()).pipe(sftp((files) => files.remove('/moved'))), {
      defaultValue: undefined,
    });
    const gone = lastValueFrom(connectTo(peer()).pipe(sftp((files) => files.stat('/moved'))));
    await expect(gone).rejects.toMatchObject({ kind: 'sftp' });
  });
});
