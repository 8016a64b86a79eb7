/** authorized_keys as a policy: from text, and from a file that is read at each try. */
import { truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { authorizedKeys } from '../../src/auth/authorized-keys.ts';
import { authorizedKeysFile } from '../../src/auth/authorized-keys-node.ts';
import type { AuthAttemptInfo } from '../../src/auth/policy.ts';
import { parseAuthorizedKeys } from '../../src/keys/authorized-keys.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const mine = generatePrivateKey('ed25519');
const other = generatePrivateKey('ed25519');
const LINE = formatPublicKeyLine(mine.publicKey);

function attempt({ publicKey }: PrivateKey, address?: string): AuthAttemptInfo {
  return {
    ...{ method: 'publickey', publicKey, algorithm: publicKey.type, signed: true },
    ...{ user: 'me', partialSuccesses: [] },
    ...(address === undefined ? {} : { peer: { address, port: 1 } }),
  };
}

const password: AuthAttemptInfo = {
  ...{ method: 'password', password: '', user: 'me', partialSuccesses: [] },
};

describe('authorizedKeys', () => {
  it('lets its keys in, and nothing else', () => {
    const decide = authorizedKeys(`# mine\n${LINE} me\n`);
    expect(decide(attempt(mine))).toEqual({ accept: true, permissions: {} });
    expect(decide(attempt(other))).toBe(false);
    expect(decide(password)).toBe(false);
    expect(authorizedKeys('')(attempt(mine))).toBe(false);
  });

  it('takes entries, and hands on what they allow', () => {
    const { entries } = parseAuthorizedKeys(`no-pty,command="date" ${LINE}`, 'ak');
    const permissions = { pty: false, command: 'date' };
    expect(authorizedKeys(entries)(attempt(mine))).toEqual({ accept: true, permissions });
  });

  it('passes lines over that it cannot enforce (AS21)', () => {
    const text = `frobnicate ${LINE}\ncert-authority ${LINE}\nrestrict ${LINE}`;
    expect(authorizedKeys(text)(attempt(mine))).toMatchObject({ permissions: { pty: false } });
  });

  it.each<[string, string | undefined, boolean]>([
    ['from="10.0.0.0/8"', '10.1.2.3', true],
    ['from="10.0.0.0/8"', '::ffff:10.1.2.3', true],
    ['from="10.0.0.0/8"', '11.1.2.3', false],
    ['from="10.0.0.0/8"', undefined, false],
    ['from="*"', undefined, false],
    ['expiry-time="20200101"', '10.1.2.3', false],
    ['expiry-time="20991231"', undefined, true],
  ])('%s, from %s: %p (AS19)', (options, address, expected) => {
    const decision = authorizedKeys(`${options} ${LINE}`)(attempt(mine, address));
    expect(decision !== false).toBe(expected);
  });

  it('takes the first line that holds', () => {
    const lines = ['expiry-time="20200101"', 'from="10.0.0.1",pty', 'no-pty', 'user-rc'];
    const decide = authorizedKeys(lines.map((options) => `${options} ${LINE}`).join('\n'));
    expect(decide(attempt(mine, '10.0.0.1'))).toMatchObject({ permissions: { pty: true } });
    expect(decide(attempt(mine, '10.0.0.2'))).toMatchObject({ permissions: { pty: false } });
  });
});

describe('authorizedKeysFile', () => {
  const inFolder = useTempFolder();

  it('reads the file at each try', async () => {
    const file = inFolder('keys');
    const decide = authorizedKeysFile(file);
    writeFileSync(file, LINE);
    expect(await firstValueFrom(decide(attempt(mine)))).toMatchObject({ accept: true });
    writeFileSync(file, '');
    expect(await firstValueFrom(decide(attempt(mine)))).toBe(false);
  });

  it('reads the file of the user, if there is one', async () => {
    writeFileSync(inFolder('me'), LINE);
    const files = (user: string): string | undefined =>
      user === 'me' ? inFolder(user) : undefined;
    const decide = authorizedKeysFile(files);
    expect(await firstValueFrom(decide(attempt(mine)))).toMatchObject({ accept: true });
    expect(await firstValueFrom(decide({ ...attempt(mine), user: 'you' }))).toBe(false);
    expect(await firstValueFrom(decide(password))).toBe(false);
  });

  it('errors, which denies, when the file is not there or too large', async () => {
    const file = inFolder('keys');
    const decision = (): Promise<unknown> =>
      firstValueFrom(authorizedKeysFile(file)(attempt(mine)));
    await expect(decision()).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(file, LINE);
    truncateSync(file, 16 * 1024 * 1024 + 1);
    await expect(decision()).rejects.toMatchObject({ kind: 'overflow' });
    // a device has no size, and no end
    await expect(
      firstValueFrom(authorizedKeysFile('/dev/zero')(attempt(mine))),
    ).rejects.toMatchObject({ kind: 'config' });
  });
});
