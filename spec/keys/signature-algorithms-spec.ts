/** Signatures: every row signs and verifies, and nothing that is malformed verifies. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { defaultNames } from '../../src/crypto/standing.ts';
import { defaultProvider } from '#crypto';
import {
  generateDsaKey,
  generatePrivateKey,
  PrivateKey,
  privateKeyFromSeed,
} from '../../src/keys/private-key.ts';
import { parsePublicKey } from '../../src/keys/public-key.ts';
import {
  encodeSignature,
  SIGNATURE_ALGORITHMS,
  signatureAlgorithmsFor,
  verifySignature,
} from '../../src/keys/signature-algorithms.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { securityKey } from '../support/security-key.ts';
import { bytesToInteger } from '../../src/crypto/integers.ts';
import { Reader } from '../../src/wire/reader.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';

const DATA = utf8Bytes('what is signed');
const NAMES = SIGNATURE_ALGORITHMS.map(({ name }) => name);

const PRIVATE_KEYS: Record<string, PrivateKey> = {
  'ssh-ed25519': generatePrivateKey('ed25519'),
  'ecdsa-sha2-nistp256': generatePrivateKey('ecdsa'),
  'ecdsa-sha2-nistp384': generatePrivateKey('ecdsa', { bits: 384 }),
  'ecdsa-sha2-nistp521': generatePrivateKey('ecdsa', { bits: 521 }),
  'rsa-sha2-512': rsaKey(),
};
PRIVATE_KEYS['rsa-sha2-256'] = PRIVATE_KEYS['rsa-sha2-512']!;
PRIVATE_KEYS['ssh-rsa'] = PRIVATE_KEYS['rsa-sha2-512']!;
PRIVATE_KEYS['ssh-dss'] = generateDsaKey();
const KEYS: Record<string, Signer> = {
  ...PRIVATE_KEYS,
  'sk-ssh-ed25519@openssh.com': securityKey('sk-ssh-ed25519@openssh.com'),
  'sk-ecdsa-sha2-nistp256@openssh.com': securityKey('sk-ecdsa-sha2-nistp256@openssh.com'),
};

function rsaKey(): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const number = (name: 'n' | 'e' | 'd' | 'p' | 'q' | 'qi'): bigint =>
    bytesToInteger(Buffer.from(jwk[name]!, 'base64url'));
  return new PrivateKey({
    kind: 'rsa',
    ...{ n: number('n'), e: number('e'), d: number('d') },
    ...{ p: number('p'), q: number('q'), iqmp: number('qi') },
  });
}

function blobOf(algorithm: string, inner: Uint8Array): Uint8Array {
  return new Writer().utf8(algorithm).string(inner).bytes();
}

function innerOf(signature: Uint8Array): Uint8Array {
  const reader = new Reader(signature);
  reader.string();
  return reader.string().slice();
}

describe('signature algorithms', () => {
  it('are offered in order of preference', () => {
    expect(defaultNames(SIGNATURE_ALGORITHMS)).toEqual([
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'rsa-sha2-512',
      'rsa-sha2-256',
      'sk-ssh-ed25519@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
    ]);
    expect(signatureAlgorithmsFor('ssh-rsa')).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']);
    expect(signatureAlgorithmsFor('ecdsa-sha2-nistp256')).toEqual(['ecdsa-sha2-nistp256']);
    expect(signatureAlgorithmsFor('ssh-dss')).toEqual(['ssh-dss']);
    expect(signatureAlgorithmsFor('constructor')).toEqual([]);
  });
});

describe.each(NAMES)('%s', (name) => {
  const key = KEYS[name]!;
  let signature: Uint8Array = new Uint8Array(0);

  beforeAll(async () => {
    signature = await key.sign(DATA, name);
  });

  const verify = (changed: Uint8Array, algorithm = name): boolean =>
    verifySignature(algorithm, key.publicKey, DATA, changed);

  it('verifies what the key signed, and nothing else', () => {
    expect(verify(signature)).toBe(true);
    expect(verifySignature(name, key.publicKey, utf8Bytes('what is signeD'), signature)).toBe(
      false,
    );
    expect(verifySignature(name, key.publicKey, new Uint8Array(0), signature)).toBe(false);
    // what a security key says of itself stands behind what it has signed
    if (!name.startsWith('sk-'))
      expect(encodeSignature(name, rawOf(name, signature))).toEqual(signature);
  });

  it('does not verify under another algorithm or another key', () => {
    for (const other of NAMES.filter((each) => each !== name)) {
      expect(verify(signature, other)).toBe(false);
      expect(verify(blobOf(other, innerOf(signature)))).toBe(false);
      const otherKey = KEYS[other]!.publicKey;
      if (otherKey.type !== key.publicKey.type)
        expect(verifySignature(name, otherKey, DATA, signature)).toBe(false);
    }
    expect(verify(blobOf('ssh-rsa', innerOf(signature)), 'ssh-rsa')).toBe(name === 'ssh-rsa');
    expect(verify(blobOf(`${name}\0`, innerOf(signature)))).toBe(false);
    expect(verify(signature, 'constructor')).toBe(false);
  });

  it('does not verify cut short, made longer, or with a changed bit', () => {
    for (let length = 0; length < signature.length; length++)
      expect(verify(signature.subarray(0, length))).toBe(false);
    expect(verify(new Uint8Array([...signature, 0]))).toBe(false);
    expect(verify(blobOf(name, new Uint8Array([...innerOf(signature), 0])))).toBe(false);
    expect(verify(blobOf(name, new Uint8Array(0)))).toBe(false);
    for (let at = 0; at < signature.length; at += 7) {
      const changed = signature.slice();
      changed[at]! ^= 0x10;
      expect(verify(changed)).toBe(false);
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(verify(bytes)).toBe(false);
        expect(verify(blobOf(name, bytes))).toBe(false);
      }),
    );
    const broken = new Proxy(defaultProvider, {
      get: () => () => {
        throw new RangeError('hostile');
      },
    });
    expect(verifySignature(name, key.publicKey, DATA, signature, broken)).toBe(false);
  });
});

/** The signature as the crypto provider gave it. */
function rawOf(name: string, signature: Uint8Array): Uint8Array {
  const inner = innerOf(signature);
  const length = { nistp256: 32, nistp384: 48, nistp521: 66 }[name.slice('ecdsa-sha2-'.length)];
  if (length === undefined) return inner;
  const reader = new Reader(inner);
  const raw = new Uint8Array(2 * length);
  for (const end of [length, 2 * length]) {
    const bytes = reader.string();
    const magnitude = bytes[0] === 0 ? bytes.subarray(1) : bytes;
    raw.set(magnitude, end - magnitude.length);
  }
  return raw;
}

describe('K12: ECDSA numbers', () => {
  const key = PRIVATE_KEYS['ecdsa-sha2-nistp256']!;
  const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  let r = 0n;
  let s = 0n;

  beforeAll(async () => {
    const inner = new Reader(innerOf(await key.sign(DATA, 'ecdsa-sha2-nistp256')));
    r = inner.mpint();
    s = inner.mpint();
  });

  const verify = (inner: Writer): boolean =>
    verifySignature(
      'ecdsa-sha2-nistp256',
      key.publicKey,
      DATA,
      blobOf('ecdsa-sha2-nistp256', inner.bytes()),
    );

  it('verify in their shortest form', () => {
    expect(verify(new Writer().mpint(r).mpint(s))).toBe(true);
    expect(verify(new Writer().mpint(r).mpint(ORDER - s))).toBe(true);
  });

  it('do not verify when they are zero, negative, too big or in another form', () => {
    const padded = (value: bigint): Uint8Array => {
      const bytes = new Writer().mpint(value).bytes().subarray(4);
      return new Uint8Array([0, ...bytes]);
    };
    for (const [first, second] of [
      [0n, s],
      [r, 0n],
      [0n, 0n],
      [-r, s],
      [r, -s],
      [r - (1n << 256n), s],
      [r + ORDER, s],
      [r, s + ORDER],
      [ORDER, s],
      [r, ORDER],
      [ORDER, ORDER],
      [r + (1n << 256n), s],
      [s, r],
    ] as const)
      expect(verify(new Writer().mpint(first).mpint(second))).toBe(false);
    expect(verify(new Writer().string(padded(r)).mpint(s))).toBe(false);
    expect(verify(new Writer().mpint(r).string(padded(s)))).toBe(false);
    expect(verify(new Writer().mpint(r))).toBe(false);
    expect(verify(new Writer().mpint(r).mpint(s).mpint(1n))).toBe(false);
    expect(verify(new Writer().string(new Uint8Array(1 << 16).fill(1)).mpint(s))).toBe(false);
  });

  it('do not verify with a point that is not on the curve', async () => {
    const signature = await key.sign(DATA, 'ecdsa-sha2-nistp256');
    const blob = key.publicKey.blob.slice();
    blob[blob.length - 1]! ^= 1;
    expect(verifySignature('ecdsa-sha2-nistp256', parsePublicKey(blob), DATA, signature)).toBe(
      false,
    );
  });
});

describe('K13: Ed25519 scalars', () => {
  it('do not verify with the order of the group added', () => {
    const key = privateKeyFromSeed(new Uint8Array(32).fill(3));
    const inner = innerOf(key.sign(DATA, 'ssh-ed25519') as Uint8Array);
    const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
    let sum = bytesToInteger(inner.slice(32).reverse()) + ORDER;
    for (let at = 32; at < 64; at++) {
      inner[at] = Number(sum & 0xffn);
      sum >>= 8n;
    }
    expect(verifySignature('ssh-ed25519', key.publicKey, DATA, blobOf('ssh-ed25519', inner))).toBe(
      false,
    );
  });
});

describe('K11: RSA signatures', () => {
  const key = PRIVATE_KEYS['rsa-sha2-512']!;

  it('verify with leading zeros trimmed, and not with zeros added', async () => {
    // One signature in 256 begins with a zero.
    for (let i = 0; ; i++) {
      const data = utf8Bytes(`message ${String(i)}`);
      const inner = innerOf(await key.sign(data, 'rsa-sha2-256'));
      expect(inner.length).toBe(256);
      if (inner[0] !== 0) continue;
      const check = (changed: Uint8Array): boolean =>
        verifySignature('rsa-sha2-256', key.publicKey, data, blobOf('rsa-sha2-256', changed));
      expect(check(inner)).toBe(true);
      expect(check(inner.subarray(1))).toBe(true);
      expect(check(new Uint8Array([0, ...inner]))).toBe(false);
      return;
    }
  });
});

describe('signing', () => {
  it('refuses algorithms that do not fit the key', () => {
    for (const [name, key] of Object.entries(PRIVATE_KEYS)) {
      for (const algorithm of [...NAMES, 'ssh-rsa', '', 'constructor']) {
        if (key.algorithms.includes(algorithm)) continue;
        expect(() => key.sign(DATA, algorithm)).toThrow(`does not sign with ${algorithm}`);
      }
      expect(key.algorithms).toContain(name);
    }
    expect(() => encodeSignature('none', new Uint8Array(3))).toThrow('no signature algorithm');
  });
});

describe('P-521 nonces', () => {
  it('K14: are not biased (CVE-2024-31497)', () => {
    const key = PRIVATE_KEYS['ecdsa-sha2-nistp521']!;
    const secret = key.secret();
    if (secret.kind !== 'ecdsa') throw new Error('not an ECDSA key');
    const order =
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n;
    const d = bytesToInteger(secret.scalar);
    let high = 0;
    for (let i = 0; i < 64; i++) {
      const data = utf8Bytes(String(i));
      const reader = new Reader(innerOf(key.sign(data, 'ecdsa-sha2-nistp521') as Uint8Array));
      const r = reader.mpint();
      const s = reader.mpint();
      const hash = bytesToInteger(defaultProvider.hash('sha512', [data]));
      const nonce = (((hash + r * d) % order) * inverse(s, order)) % order;
      expect(nonce < order).toBe(true);
      if (nonce >> 512n !== 0n) high++;
    }
    expect(high).toBeGreaterThan(48);
  });
});

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a % b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}
