/** What the options of `serve` make of a try to log in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstValueFrom, isObservable, type Observable, of } from 'rxjs';
import type { AuthAttemptInfo } from '../../src/auth/policy.ts';
import { Messages } from '../../src/cli/io.ts';
import { logins, type Logins } from '../../src/cli/serve-login.ts';
import { SERVER_KEYS } from '../../src/cli/server-keys.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';

const { publicKey } = generatePrivateKey('ed25519');
const messages = new Messages(new PassThrough(), { level: 0, isQuiet: true });
let folder: string;
let authorizedKeys: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-login-'));
  authorizedKeys = join(folder, 'keys');
  writeFileSync(
    authorizedKeys,
    `from="10.0.0.0/8",command="date",no-pty ${formatPublicKeyLine(publicKey)}\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function serve(...options: readonly string[]): Logins {
  const flags = { authorizedKeys, user: 'me', password: 'right' };
  return logins(flags, readSettings(options, SERVER_KEYS), {}, messages);
}

const base = { user: 'me', partialSuccesses: [], peer: { address: '10.1.2.3', port: 1 } };
const key: AuthAttemptInfo = {
  ...{ ...base, method: 'publickey', publicKey, algorithm: publicKey.type, signed: true },
};
const password: AuthAttemptInfo = { ...base, method: 'password', password: 'right' };
const interactive = { ...base, method: 'keyboard-interactive', submethods: [] } as const;
const answers = (answer: string): AuthAttemptInfo => ({ ...interactive, ask: () => of([answer]) });

async function decision({ authenticate }: Logins, attempt: AuthAttemptInfo): Promise<unknown> {
  const decided = authenticate(attempt);
  return isObservable(decided) ? firstValueFrom(decided) : decided;
}

describe('the logins of serve', () => {
  it('take a key with what its line allows, from where its line allows it', async () => {
    const permissions = { command: 'date', pty: false };
    expect(await decision(serve(), key)).toEqual({ accept: true, permissions });
    const peer = { address: '192.0.2.1', port: 1 };
    expect(await decision(serve(), { ...key, peer })).toBe(false);
  });

  it('take the password, asked for in either way', async () => {
    const both = serve('KbdInteractiveAuthentication=yes');
    expect(both.methods).toEqual(['publickey', 'password', 'keyboard-interactive']);
    expect(await decision(both, answers('right'))).toBe(true);
    expect(await decision(both, answers('wrong'))).toBe(false);
    expect(await decision(both, password)).toBe(true);
    expect(await decision(both, { ...password, password: 'wrong' })).toBe(false);
    expect(await decision(both, { ...password, user: 'you' })).toBe(false);
    expect(serve().methods).toEqual(['publickey', 'password']);
  });

  it('ask a user whom there is not as they ask the one there is', async () => {
    for (const options of [
      ['KbdInteractiveAuthentication=yes'],
      ['AuthenticationMethods=keyboard-interactive'],
      ['KbdInteractiveAuthentication=yes', 'AllowUsers=me@192.0.2.1'],
    ]) {
      const asked: string[] = [];
      for (const user of ['me', 'you']) {
        const ask = (challenge: unknown): Observable<readonly string[]> => {
          asked.push(JSON.stringify(challenge));
          return of(['right']);
        };
        const decided = await decision(serve(...options), { ...interactive, user, ask });
        expect(decided === false).toBe(user === 'you' || options.length > 1);
      }
      expect(asked).toHaveLength(2);
      expect(asked[1]).toBe(asked[0]);
    }
  });

  it.each<[string, string, boolean]>([
    ['me', '10.1.2.3', true],
    ['m?', '10.1.2.3', true],
    ['you *e', '10.1.2.3', true],
    ['you', '10.1.2.3', false],
    ['me@10.0.0.0/8', '10.1.2.3', true],
    ['me@10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['me@10.0.0.0/8', '11.1.2.3', false],
    ['*@10.1.2.*', '10.1.2.3', true],
    ['you@10.1.2.3 me@192.0.2.1', '10.1.2.3', false],
  ])('with AllowUsers=%s, from %s: %p', async (value, address, expected) => {
    const from = { ...password, peer: { address, port: 1 } };
    expect(await decision(serve(`AllowUsers=${value}`), from)).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ['you', '10.1.2.3', true],
    ['me', '10.1.2.3', false],
    ['you m*', '10.1.2.3', false],
    ['me@10.0.0.0/8', '10.1.2.3', false],
    ['me@10.0.0.0/8', '11.1.2.3', true],
  ])('with DenyUsers=%s, from %s: %p', async (value, address, expected) => {
    const peer = { address, port: 1 };
    const denying = serve(`DenyUsers=${value}`, 'AllowUsers=me');
    expect(await decision(denying, { ...password, peer })).toBe(expected);
    const interactively = serve(`DenyUsers=${value}`, 'KbdInteractiveAuthentication=yes');
    expect(await decision(interactively, { ...answers('right'), peer })).toBe(expected);
  });

  it('are without the methods that are switched off', () => {
    expect(serve('PasswordAuthentication=no').methods).toEqual(['publickey']);
    expect(serve('PubkeyAuthentication=no').methods).toEqual(['password']);
    const asked = ['PasswordAuthentication=no', 'KbdInteractiveAuthentication=yes'];
    expect(serve(...asked).methods).toEqual(['publickey', 'keyboard-interactive']);
    const off = ['PasswordAuthentication=no', 'PubkeyAuthentication=no'];
    expect(() => serve(...off)).toThrow('nobody could log in');
    const chain = ['PasswordAuthentication=no', 'AuthenticationMethods=publickey,password'];
    expect(() => serve(...chain)).toThrow('password is not offered');
  });

  it('take a chain of AuthenticationMethods, whole', async () => {
    const both = serve('AuthenticationMethods=publickey,password publickey,keyboard-interactive');
    expect(both.methods).toEqual(['publickey']);
    expect(await decision(both, password)).toBe(false);
    expect(await decision(both, key)).toMatchObject({
      ...{ partial: true, methodsLeft: ['password', 'keyboard-interactive'] },
      permissions: { command: 'date' },
    });
    const partialSuccesses = [{ method: 'publickey', publicKey }];
    for (const second of [password, answers('right')]) {
      const rest = { ...second, partialSuccesses };
      expect(await decision(both, rest)).toMatchObject({ accept: true });
    }
    expect(serve('AuthenticationMethods=any').methods).toEqual(['publickey', 'password']);
  });

  it.each([
    ['AuthenticationMethods=publickey,otp', 'otp is not offered'],
    ['AuthenticationMethods=password,password', 'AuthenticationMethods'],
    ['AuthenticationMethods=any,password', 'any is not offered'],
    ['AllowUsers=me@', 'AllowUsers'],
    ['AllowUsers=me@10.0.0.1/8', 'AllowUsers'],
    ['AllowUsers=me@!10.0.0.1', 'AllowUsers'],
    ['DenyUsers=me@', 'DenyUsers'],
    ['PasswordAuthentication=maybe', 'PasswordAuthentication'],
  ])('have no use for %s', (option, problem) => {
    expect(() => serve(option)).toThrow(problem);
  });

  it('want what a chain names to be there', () => {
    const settings = readSettings(['AuthenticationMethods=publickey,password'], SERVER_KEYS);
    expect(() => logins({ authorizedKeys }, settings, {}, messages)).toThrow('password is not');
    const none = ['KbdInteractiveAuthentication=no', 'AuthenticationMethods=keyboard-interactive'];
    expect(() => serve(...none)).toThrow('keyboard-interactive is not offered');
  });
});
