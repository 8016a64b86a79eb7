/** DSA keys: every file that ssh-keygen and OpenSSL write, and signatures against OpenSSL's. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import {
  formatPrivateKey,
  formatPublicKeyLine,
  generateDsaKey,
  parsePrivateKey,
  parsePublicKeyLine,
  type PrivateKey,
  verifySignature,
} from '../../src/keys/index.ts';
import { Reader } from '../../src/wire/reader.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';
import { peerFolder } from '../support/peers/peer.ts';

const DATA = utf8Bytes('what is signed');
const P1363 = { dsaEncoding: 'ieee-p1363' } as const;
const folder = peerFolder();

afterAll(() => folder.remove());

function keygen(name: string, ...more: readonly string[]): string {
  const file = folder.file(name);
  execFileSync('ssh-keygen', ['-q', '-t', 'dsa', '-C', 'old', '-f', file, ...more]);
  return file;
}

function innerOf(signature: Uint8Array): Uint8Array {
  const reader = new Reader(signature);
  reader.string();
  return reader.string().slice();
}

async function readBack(file: string, passphrase?: string): Promise<PrivateKey> {
  const key = await parsePrivateKey(
    readFileSync(file),
    passphrase === undefined ? {} : { passphrase },
  );
  const line = parsePublicKeyLine(readFileSync(`${file}.pub`, 'utf8'));
  expect(key.publicKey.blob).toEqual(line.publicKey.blob);
  return key;
}

describe('DSA keys', () => {
  it.each([
    ['OpenSSH', 'OpenSSH', []],
    ['DSA', 'DSA', ['-m', 'PEM']],
    ['PKCS#8', 'PKCS#8', ['-m', 'PKCS8']],
  ])('are read from a file of ssh-keygen: %s, plain and encrypted', async (name, format, args) => {
    const plain = await readBack(keygen(`${name[0]!}-plain`, '-N', '', ...args));
    expect([plain.format, plain.algorithms]).toEqual([format, ['ssh-dss']]);
    await readBack(keygen(`${name[0]!}-sealed`, '-N', 'secret words', ...args), 'secret words');
  });

  it('are generated, and written so that ssh-keygen reads them', async () => {
    const key = generateDsaKey({ comment: 'new' });
    const file = folder.file('ours');
    writeFileSync(file, await formatPrivateKey(key), { mode: 0o600 });
    const shown = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
    expect(shown.trim()).toBe(formatPublicKeyLine(key.publicKey, 'new'));
    const again = await parsePrivateKey(
      await formatPrivateKey(key, { passphrase: 'x', rounds: 1 }),
      {
        passphrase: 'x',
      },
    );
    expect(again.publicKey.blob).toEqual(key.publicKey.blob);
  });

  it('sign what OpenSSL verifies, and verify what OpenSSL signs, with both providers', async () => {
    const file = keygen('signs', '-N', '', '-m', 'PKCS8');
    const openssl = createPrivateKey(readFileSync(file));
    for (const options of [{}, { provider: nobleProvider }]) {
      const key = await parsePrivateKey(readFileSync(file), options);
      const signature = await key.sign(DATA, 'ssh-dss');
      const publicKey = createPublicKey(openssl);
      expect(verify('sha1', DATA, { key: publicKey, ...P1363 }, innerOf(signature))).toBe(true);
      const theirs = sign('sha1', DATA, { key: openssl, ...P1363 });
      const blob = new Writer().utf8('ssh-dss').string(theirs).bytes();
      expect(verifySignature('ssh-dss', key.publicKey, DATA, blob)).toBe(true);
      expect(verifySignature('ssh-dss', key.publicKey, utf8Bytes('else'), blob)).toBe(false);
    }
  });

  it('K10: verify no r or s that is zero or not below q, and nothing of another length', async () => {
    const key = generateDsaKey();
    const inner = innerOf(await key.sign(DATA, 'ssh-dss'));
    const wrap = (bytes: Uint8Array): Uint8Array =>
      new Writer().utf8('ssh-dss').string(bytes).bytes();
    const isVerified = (bytes: Uint8Array): boolean =>
      verifySignature('ssh-dss', key.publicKey, DATA, wrap(bytes));
    expect(isVerified(inner)).toBe(true);
    const [r, s] = [inner.subarray(0, 20), inner.subarray(20)];
    const [zero, full] = [new Uint8Array(20), new Uint8Array(20).fill(0xff)];
    for (const parts of [
      [zero, s],
      [r, zero],
      [zero, zero],
      [full, s],
      [r, full],
      [s, r],
    ])
      expect(isVerified(Uint8Array.from(parts.flatMap((part) => [...part])))).toBe(false);
    for (const bytes of [inner.subarray(1), Uint8Array.of(0, ...inner), new Uint8Array(0)])
      expect(isVerified(bytes)).toBe(false);
  });

  it('K10: are refused in other sizes, quickly', async () => {
    const { privateKey } = generateKeyPairSync('dsa', {
      ...{ modulusLength: 2048, divisorLength: 256 },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const before = performance.now();
    await expect(parsePrivateKey(privateKey)).rejects.toMatchObject({ kind: 'key-format' });
    expect(performance.now() - before).toBeLessThan(50);
  });
});
