/** What has to work with servers that run no shell, but know `cat`, `sha256` and `both STATUS` themselves. */
import { expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { type ConnectOptions, isSshError, withClient } from '../../../src/node.ts';
import { KEY_KINDS } from './key-files.ts';
import {
  connectTo,
  digestOfPattern,
  echoesBetweenNewKeys,
  echoOverNewKeys,
  patternOf,
  runOn,
} from './ours.ts';
import type { Peer } from './peer.ts';

const MIB = 1024 * 1024;

const BY_PASSWORD: readonly (readonly [string, (password: string) => Partial<ConnectOptions>])[] = [
  ['password', (password) => ({ password })],
  [
    'keyboard-interactive',
    (password) => ({ keyboardInteractive: ({ prompts }) => prompts.map(() => password) }),
  ],
];

export function describePlainCases(peer: () => Peer): void {
  it.each(KEY_KINDS.map(({ type }) => type))('lets our %s key in', async (type) => {
    const identityFiles = peer().identityFiles.filter((file) => file.endsWith(type));
    const { stdout, stderr, exit } = await runOn(peer(), 'both 3', {}, { identityFiles });
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect(exit).toEqual({ kind: 'status', status: 3 });
  });

  it.each(BY_PASSWORD)('lets us in by %s, and not by another', async (method, options) => {
    const { password = '' } = peer();
    const login = (secret: string): Promise<string> =>
      firstValueFrom(
        connectTo(peer(), { identities: [], ...options(secret) }).pipe(
          withClient((client) => [client.login.method]),
        ),
      );
    expect(await login(password)).toBe(method);
    const error: unknown = await login('wrong').catch((reason: unknown) => reason);
    if (!isSshError(error, 'auth')) throw error as Error;
  });

  it('is known by each of its host keys', async () => {
    for (const [type, key] of peer().hostKeys) {
      const only = { ...peer(), knownHostsLines: [`[${peer().host}]:${peer().port} ${key}`] };
      const { exit } = await runOn(only, 'both 0');
      expect([type, exit]).toEqual([type, { kind: 'status', status: 0 }]);
    }
  });

  it('gives 3 MiB back unharmed, while we ask for new keys', async () => {
    const { rekeys, ...digest } = await echoOverNewKeys(peer(), 3 * MIB);
    expect(digest).toEqual(digestOfPattern(3 * MIB));
    expect(rekeys).toBeGreaterThan(0);
  });

  it('gets 1 MiB unharmed', async () => {
    const { stdout } = await runOn(peer(), 'sha256', { stdin: patternOf(MIB) });
    expect(stdout).toBe(digestOfPattern(MIB).sha256);
  });

  it('takes new keys between commands', async () => {
    expect(await echoesBetweenNewKeys(peer())).toEqual(['words', 'words', 'words']);
  });

  it('says the status of what it does not know', async () => {
    const result = await runOn(peer(), 'nothing');
    expect(result).toMatchObject({
      ...{ stdout: '', stderr: 'no such command\n', exit: { kind: 'status', status: 127 } },
    });
  });
}
