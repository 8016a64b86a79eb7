/** Every key agreement: both roles come to one secret, and malformed values end the exchange with reason 3. */
import { describe, expect, it } from '@jest/globals';
import { KEY_AGREEMENTS, keyAgreementByName } from '../../src/crypto/key-agreements.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { defaultNames } from '../../src/crypto/standing.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';
import { LOW_ORDER_U, reasonOf } from '../contract/crypto-key-exchange.ts';

const PROVIDERS = [nodeProvider, nobleProvider];
const PAIRS = PROVIDERS.flatMap((client) => PROVIDERS.map((server) => ({ client, server })));
const HYBRID = keyAgreementByName('mlkem768x25519-sha256')!;
const ENCAPSULATION_KEY = 1184;

const SNTRUP = keyAgreementByName('sntrup761x25519-sha512')!;
const SECRET_LENGTHS: Readonly<Record<string, number>> = {
  'diffie-hellman-group14-sha1': 256,
  'diffie-hellman-group1-sha1': 128,
  'sntrup761x25519-sha512': 64,
  'sntrup761x25519-sha512@openssh.com': 64,
  'ecdh-sha2-nistp384': 48,
  'ecdh-sha2-nistp521': 66,
  'diffie-hellman-group16-sha512': 512,
  'diffie-hellman-group18-sha512': 1024,
  'diffie-hellman-group14-sha256': 256,
};
const CURVES = KEY_AGREEMENTS.filter(({ name }) => /^(curve25519|ecdh)/.test(name));

describe('the registry of key agreements', () => {
  it('offers these, in this order', () => {
    expect(defaultNames(KEY_AGREEMENTS)).toEqual([
      'mlkem768x25519-sha256',
      'sntrup761x25519-sha512',
      'sntrup761x25519-sha512@openssh.com',
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
    ]);
    expect(KEY_AGREEMENTS.map((row) => keyAgreementByName(row.name))).toEqual(KEY_AGREEMENTS);
    expect(keyAgreementByName('none')).toBeUndefined();
  });

  it('says how each secret is hashed', () => {
    expect(KEY_AGREEMENTS.map((row) => [row.hash, row.secretEncoding])).toEqual([
      ['sha256', 'string'],
      ['sha512', 'string'],
      ['sha512', 'string'],
      ['sha256', 'mpint'],
      ['sha256', 'mpint'],
      ['sha256', 'mpint'],
      ['sha384', 'mpint'],
      ['sha512', 'mpint'],
      ['sha512', 'mpint'],
      ['sha512', 'mpint'],
      ['sha256', 'mpint'],
      ['sha1', 'mpint'],
      ['sha1', 'mpint'],
    ]);
  });
});

describe.each(KEY_AGREEMENTS)('$name', (row) => {
  it.each(PAIRS)('comes to one secret: $client.name with $server.name', ({ client, server }) => {
    const initiated = row.initiate(client);
    const answered = row.respond(server, initiated.publicValue);
    const secret = initiated.finish(answered.publicValue);
    expect(secret.length).toBe(SECRET_LENGTHS[row.name] ?? 32);
    expect(toHex(secret)).toBe(toHex(answered.sharedSecret));
  });

  it('uses fresh keys each time', () => {
    const values = [0, 1, 2, 3].flatMap(() => {
      const { publicValue } = row.initiate(nodeProvider);
      return [publicValue, row.respond(nodeProvider, publicValue).publicValue].map(toHex);
    });
    expect(new Set(values).size).toBe(8);
  });
});

describe.each([...CURVES, HYBRID, SNTRUP])('$name', (row) => {
  it('refuses values of any other length', () => {
    const { publicValue } = row.initiate(nodeProvider);
    const answer = row.respond(nodeProvider, publicValue).publicValue;
    for (const change of [resized(-1), resized(1), resized(-32), () => new Uint8Array(0)]) {
      expect(reasonOf(() => row.respond(nodeProvider, change(publicValue)))).toBe(3);
      expect(reasonOf(() => row.initiate(nodeProvider).finish(change(answer)))).toBe(3);
    }
  });
});

describe.each([HYBRID, SNTRUP, keyAgreementByName('curve25519-sha256')!])('$name', (row) => {
  it.each(LOW_ORDER_U)('refuses the low-order X25519 value %s from either side', (u) => {
    const { publicValue } = row.initiate(nodeProvider);
    const answer = row.respond(nodeProvider, publicValue).publicValue;
    const weak = (value: Uint8Array): Uint8Array => concatBytes([value.slice(0, -32), fromHex(u)]);
    expect(reasonOf(() => row.respond(nodeProvider, weak(publicValue)))).toBe(3);
    expect(reasonOf(() => row.initiate(nodeProvider).finish(weak(answer)))).toBe(3);
  });
});

describe.each([
  { row: HYBRID, last: 1088 - 1 },
  { row: SNTRUP, last: 1039 - 1 },
])('$row.name', ({ row, last }) => {
  it('comes to different secrets when the ciphertext was touched, without saying so', () => {
    const client = row.initiate(nodeProvider);
    const server = row.respond(nodeProvider, client.publicValue);
    for (const at of [0, last]) {
      const touched = server.publicValue.slice();
      touched[at]! ^= 0x80;
      expect(toHex(client.finish(touched))).not.toBe(toHex(server.sharedSecret));
    }
  });

  it('alone with its like is post-quantum', () => {
    const safe = KEY_AGREEMENTS.filter((each) => each.isPostQuantum);
    expect(safe).toContain(row);
    expect(safe.every(({ name }) => /^(mlkem|sntrup)/.test(name))).toBe(true);
  });
});

describe('mlkem768x25519-sha256', () => {
  it('hashes the secret of ML-KEM and then that of X25519', () => {
    const fixed: CryptoProvider = {
      ...nodeProvider,
      mlkem768: () => nodeProvider.mlkem768(new Uint8Array(64).fill(1)),
      x25519: (scalar) => nodeProvider.x25519(scalar ?? new Uint8Array(32).fill(2)),
      mlkem768Encapsulate: (key) =>
        nodeProvider.mlkem768Encapsulate(key, new Uint8Array(32).fill(3)),
    };
    const client = HYBRID.initiate(fixed);
    const server = HYBRID.respond(fixed, client.publicValue);
    const kem = fixed.mlkem768();
    const ecdh = fixed.x25519();
    expect(toHex(client.publicValue)).toBe(toHex(kem.publicKey) + toHex(ecdh.publicKey));
    const { ciphertext, sharedSecret } = fixed.mlkem768Encapsulate(kem.publicKey);
    expect(toHex(server.publicValue)).toBe(toHex(ciphertext) + toHex(ecdh.publicKey));
    const secret = nobleProvider.hash('sha256', [sharedSecret, ecdh.agree(ecdh.publicKey)]);
    expect(toHex(server.sharedSecret)).toBe(toHex(secret));
    expect(toHex(client.finish(server.publicValue))).toBe(toHex(secret));
  });

  it('refuses an encapsulation key that is not reduced', () => {
    const { publicValue } = HYBRID.initiate(nodeProvider);
    const bad = publicValue.slice();
    bad.fill(0xff, 0, 3);
    expect(reasonOf(() => HYBRID.respond(nodeProvider, bad))).toBe(3);
    const seedOnly = publicValue.slice();
    seedOnly[ENCAPSULATION_KEY - 1]! ^= 1;
    expect(reasonOf(() => HYBRID.respond(nodeProvider, seedOnly))).toBeUndefined();
  });
});

function resized(by: number): (value: Uint8Array) => Uint8Array {
  return (value) => {
    const other = new Uint8Array(value.length + by);
    other.set(value.subarray(0, other.length));
    return other;
  };
}
