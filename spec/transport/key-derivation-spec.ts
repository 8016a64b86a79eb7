/** The exchange hash and the keys, against RFC 4253 §7.2 and §8 written once more over node:crypto. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { bytesToInteger, integerToBytes, power } from '../../src/crypto/integers.ts';
import { modpGroup } from '../../src/crypto/modp.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import {
  deriveKeys,
  encodeSharedSecret,
  exchangeHash,
  type KeySource,
} from '../../src/transport/key-derivation.ts';
import { toHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';

const HASHES = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

function digest(hash: string, ...parts: readonly Uint8Array[]): Buffer {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return state.digest();
}

function sshString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** An unsigned number of RFC 4251 §5. */
function mpint(bytes: Uint8Array): Buffer {
  const value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  if (value === 0n) return sshString(new Uint8Array(0));
  const digits = value.toString(16);
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  return sshString(Buffer.from(/^[89a-f]/.test(hex) ? `00${hex}` : hex, 'hex'));
}

/** Key of a letter, in one go: as many digests as anything can need. */
function expectedKey(source: KeySource, letter: string, length: number): Buffer {
  const { hash, sharedSecret, exchangeHash: h, sessionId } = source;
  let key = digest(hash, sharedSecret, h, Buffer.from(letter), sessionId);
  for (let round = 0; round < 8; round++) {
    key = Buffer.concat([key, digest(hash, sharedSecret, h, key)]);
  }
  return key.subarray(0, length);
}

const bytes = (constraints: fc.IntArrayConstraints = {}): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array(constraints);

describe('exchangeHash', () => {
  it.each(HASHES)('is HASH(V_C ‖ V_S ‖ I_C ‖ I_S ‖ K_S ‖ … ‖ K) for %s', (hash) => {
    fc.assert(
      fc.property(fc.array(bytes({ maxLength: 300 }), { minLength: 7, maxLength: 7 }), (values) => {
        const [vc, vs, ic, is, ks, exchangeValues, secret] = values as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ];
        const record = {
          ...{ clientIdentification: vc, serverIdentification: vs },
          ...{ clientKexInit: ic, serverKexInit: is, hostKey: ks, exchangeValues },
          sharedSecret: encodeSharedSecret(secret, 'mpint'),
        };
        const hashed = [vc, vs, ic, is, ks].map((each) => sshString(each));
        expect(Buffer.from(exchangeHash(defaultProvider, hash, record))).toEqual(
          digest(hash, ...hashed, exchangeValues, mpint(secret)),
        );
      }),
      { numRuns: 30 },
    );
  });
});

/** Of paramiko's test_kex: x of 0xCC, the other side's public value 69. */
const GROUP1 = [
  ['client', 'fake-host-key', '03079780f3d3ad0b3c6db30c8d21685f367a86d2'],
  ['server', 'fake-key', 'b16bf34dd10945ede84e9c1ef24a14bfdc843389'],
] as const;

describe('the exchange hash of diffie-hellman-group1-sha1', () => {
  it.each(GROUP1)("is the one of paramiko's test_kex, as the %s", (role, hostKey, hash) => {
    const { p, g } = modpGroup(1024);
    const x = bytesToInteger(Uint8Array.from({ length: 128 }, (_, at) => (at === 0 ? 0x4c : 0xcc)));
    const own = power(g, x, p);
    const [e, f] = role === 'client' ? [own, 69n] : [69n, own];
    const identifications = ['SSH-2.0-paramiko_1.0', 'SSH-2.0-lame'].map(utf8Bytes);
    const inits = ['local-kex-init', 'remote-kex-init'].map(utf8Bytes);
    const [ours, theirs] = role === 'client' ? [0, 1] : [1, 0];
    const record = {
      clientIdentification: identifications[ours]!,
      serverIdentification: identifications[theirs]!,
      clientKexInit: inits[ours]!,
      serverKexInit: inits[theirs]!,
      hostKey: utf8Bytes(hostKey),
      exchangeValues: new Writer().mpint(e).mpint(f).bytes(),
      sharedSecret: encodeSharedSecret(integerToBytes(power(69n, x, p), 128), 'mpint'),
    };
    for (const provider of [defaultProvider, nobleProvider])
      expect(toHex(exchangeHash(provider, 'sha1', record))).toBe(hash);
  });
});

describe('encodeSharedSecret', () => {
  it.each([
    { what: 'a number', secret: '7f01', mpintForm: '00000002 7f01' },
    { what: 'a number with its highest bit set', secret: '80', mpintForm: '00000002 0080' },
    { what: 'leading zeros', secret: '0000 81ff', mpintForm: '00000003 0081ff' },
    { what: 'zero', secret: '0000', mpintForm: '00000000' },
  ])('$what as an mpint has the fewest bytes that keep it positive', ({ secret, mpintForm }) => {
    const raw = Buffer.from(secret.replaceAll(' ', ''), 'hex');
    const hex = Buffer.from(encodeSharedSecret(raw, 'mpint')).toString('hex');
    expect(hex).toBe(mpintForm.replaceAll(' ', ''));
  });

  it('keeps the bytes of a string, leading zeros and all', () => {
    const secret = Uint8Array.of(0, 0, 200);
    expect(Buffer.from(encodeSharedSecret(secret, 'string'))).toEqual(sshString(secret));
  });
});

describe.each([
  { name: 'the default provider', provider: defaultProvider },
  { name: 'noble', provider: nobleProvider },
])('deriveKeys with $name', ({ provider }) => {
  const sourceOf = (hash: (typeof HASHES)[number]): KeySource => ({
    provider,
    hash,
    sharedSecret: encodeSharedSecret(Buffer.alloc(32, 0xc3), 'mpint'),
    exchangeHash: digest(hash, Buffer.from('exchange')),
    sessionId: digest(hash, Buffer.from('session')),
  });

  it.each(
    HASHES.flatMap((hash) =>
      [0, 1, 12, 16, 20, 32, 33, 64, 65, 160].map((length) => ({ hash, length })),
    ),
  )('takes $length bytes out of $hash', ({ hash, length }) => {
    const source = sourceOf(hash);
    const lengths = { iv: length, key: length, mac: length };
    for (const [sender, letters] of [
      ['client', 'ACE'],
      ['server', 'BDF'],
    ] as const) {
      const { iv, key, macKey } = deriveKeys(source, sender, lengths);
      const [forIv = '', forKey = '', forMac = ''] = letters;
      expect(Buffer.from(iv)).toEqual(expectedKey(source, forIv, length));
      expect(Buffer.from(key)).toEqual(expectedKey(source, forKey, length));
      expect(Buffer.from(macKey)).toEqual(expectedKey(source, forMac, length));
    }
  });

  it('gives each key the length that is asked for', () => {
    const { iv, key, macKey } = deriveKeys(sourceOf('sha256'), 'client', {
      iv: 12,
      key: 64,
      mac: 0,
    });
    expect([iv.length, key.length, macKey.length]).toEqual([12, 64, 0]);
  });

  it('comes to other keys when only the session differs', () => {
    const source = sourceOf('sha256');
    const lengths = { iv: 16, key: 32, mac: 32 };
    const other = { ...source, sessionId: source.exchangeHash };
    expect(deriveKeys(other, 'client', lengths)).not.toEqual(deriveKeys(source, 'client', lengths));
  });
});
