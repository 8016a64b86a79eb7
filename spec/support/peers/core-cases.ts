/** What has to work with every server: exec's streams and status, both logins, bytes both ways, new keys in between. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { from, lastValueFrom, mergeMap, of, toArray } from 'rxjs';
import { isSshError, withClient } from '../../../src/node.ts';
import { parsePrivateKey } from '../../../src/keys/private-key-file.ts';
import {
  connectTo,
  digestOf,
  digestOfPattern,
  echoesBetweenNewKeys,
  echoOverNewKeys,
  patternOf,
  runOn,
} from './ours.ts';
import type { Peer } from './peer.ts';

export interface CoreOptions {
  /** Key files, by a piece of their name, that this peer's own faults keep out. */
  readonly unusableKeys?: RegExp;
  /** It goes on with channel messages after its KEXINIT, against RFC 4253 §7.1: it can only change keys when all is quiet. */
  readonly talksThroughKeyExchange?: boolean;
  /** Where one command ends, it closes channels of others that it has not started: they come one behind the other. */
  readonly dropsCommandsSideBySide?: boolean;
}

const MIB = 1024 * 1024;

export function describeCoreCases(peer: () => Peer, options: CoreOptions = {}): void {
  describe('exec', () => {
    it.each([0, 7, 255])('reports status %d', async (status) => {
      const result = await runOn(peer(), `exit ${status}`);
      expect(result).toMatchObject({ exit: { kind: 'status', status }, stdout: '', stderr: '' });
    });

    it('keeps stdout and stderr apart', async () => {
      const result = await runOn(peer(), 'echo out; echo err >&2; exit 3');
      expect(result).toMatchObject({
        ...{ stdout: 'out\n', stderr: 'err\n' },
        exit: { kind: 'status', status: 3 },
      });
    });

    it('feeds stdin and its end', async () => {
      const result = await runOn(peer(), 'wc -c; echo done', { stdin: 'twelve bytes' });
      expect(result.stdout).toMatch(/^\s*12\ndone\n$/);
    });

    it('reports a signal', async () => {
      const result = await runOn(peer(), 'kill -TERM $$');
      expect(result.exit).toMatchObject({ kind: 'signal', signal: 'TERM' });
    });

    it('runs several commands on one connection', async () => {
      const numbers = [1, 2, 3, 4, 5];
      const concurrency = options.dropsCommandsSideBySide === true ? 1 : numbers.length;
      const outputs = await lastValueFrom(
        connectTo(peer()).pipe(
          withClient((client) =>
            from(numbers).pipe(
              mergeMap((n) => client.run(`echo ${n}; exit ${n}`), concurrency),
              toArray(),
            ),
          ),
        ),
      );
      outputs.sort((one, other) => one.stdout.localeCompare(other.stdout));
      expect(outputs.map(({ stdout, exit }) => [stdout, exit])).toEqual(
        numbers.map((number) => [`${number}\n`, { kind: 'status', status: number }]),
      );
    });
  });

  describe('login', () => {
    it('with each type of key', async () => {
      const files = peer().identityFiles.filter(
        (file) => options.unusableKeys?.test(file) !== true,
      );
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const result = await runOn(peer(), 'echo in', {}, { identityFiles: [file] });
        expect([file, result.stdout]).toEqual([file, 'in\n']);
      }
    });

    it('with a key in memory', async () => {
      const [file = ''] = peer().identityFiles;
      const key = await parsePrivateKey(readFileSync(file));
      const result = await runOn(peer(), 'echo in', {}, { identities: () => of(key) });
      expect(result.stdout).toBe('in\n');
    });

    it('with a password', async () => {
      const { password } = peer();
      if (password === undefined) return;
      const result = await runOn(peer(), 'echo in', {}, { password, identities: [] });
      expect(result.stdout).toBe('in\n');
    });

    it('is refused with a wrong password, and says so', async () => {
      const { password } = peer();
      if (password === undefined) return;
      const refused = runOn(peer(), 'echo in', {}, { password: `${password}!`, identities: [] });
      const error: unknown = await refused.catch((reason: unknown) => reason);
      if (!isSshError(error, 'auth')) throw error as Error;
      expect(error.detail.attempts.at(-1)).toMatchObject({
        method: 'password',
        outcome: 'rejected',
      });
    });
  });

  describe('bytes', () => {
    it('come unharmed: 10 MiB', async () => {
      const client$ = connectTo(peer());
      const stdin = patternOf(10 * MIB);
      await expect(digestOf(client$, 'cat', { stdin })).resolves.toEqual(digestOfPattern(10 * MIB));
    });

    it('go unharmed: 10 MiB', async () => {
      const result = await runOn(peer(), 'sha256sum', { stdin: patternOf(10 * MIB) });
      expect(result.stdout.split(' ', 1)).toEqual([digestOfPattern(10 * MIB).sha256]);
    });

    it('flow on after new keys', async () => {
      expect(await echoesBetweenNewKeys(peer())).toEqual(['words', 'words', 'words']);
    });

    if (options.talksThroughKeyExchange === true) return;

    it('come and go unharmed while we ask for new keys every MiB', async () => {
      const { rekeys, ...digest } = await echoOverNewKeys(peer(), 10 * MIB);
      expect(digest).toEqual(digestOfPattern(10 * MIB));
      // Not exactly 10: what is under way counts for the next keys.
      expect(rekeys).toBeGreaterThanOrEqual(5);
    });
  });
}
