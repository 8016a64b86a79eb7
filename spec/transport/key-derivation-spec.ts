/** The exchange hash and the keys, against RFC 4253 §7.2 and §8 written once more over node:crypto. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { bytesToInteger, integerToBytes, power } from '../../src/crypto/integers.ts';
import { modpGroup } from '../../src/crypto/modp.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import type { CryptoProvider, KeyAgreement } from '../../src/crypto/provider.ts';
import {
  deriveKeys,
  encodeSharedSecret,
  exchangeHash,
  type KeySource,
} from '../../src/transport/key-derivation.ts';
import { fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';
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

type Role = 'client' | 'server';

/** What goes into H between the host key and the secret, and the secret. */
type Agree = (
  role: Role,
  provider: CryptoProvider,
) => {
  readonly values: Uint8Array;
  readonly secret: Uint8Array;
};

/** In the order client, server. */
function both<T>(role: Role, own: T, other: T): readonly [T, T] {
  return role === 'client' ? [own, other] : [other, own];
}

/**
 * x is of 0xCC; 69 as a public value has so few bits that our own key exchanges refuse it.
 *
 * @param sizes - that a group exchange has asked for
 */
function modp(
  bits: Parameters<typeof modpGroup>[0],
  other: bigint,
  sizes: readonly number[] = [],
): Agree {
  const { p, g } = modpGroup(bits);
  const x = bytesToInteger(Uint8Array.from({ length: 128 }, (_, at) => (at === 0 ? 0x4c : 0xcc)));
  return (role) => {
    const values = new Writer();
    for (const size of sizes) values.uint32(size);
    if (sizes.length > 0) values.mpint(p).mpint(g);
    for (const value of both(role, power(g, x, p), other)) values.mpint(value);
    return { values: values.bytes(), secret: integerToBytes(power(other, x, p), bits / 8) };
  };
}

function onCurve(key: (provider: CryptoProvider) => KeyAgreement, other: string): Agree {
  return (role, provider) => {
    const { publicKey, agree } = key(provider);
    const [client, server] = both(role, publicKey, fromHex(other));
    return {
      values: new Writer().string(client).string(server).bytes(),
      secret: agree(fromHex(other)),
    };
  };
}

const P256_KEY = integerToBytes(
  94761803665136558137557783047955027733968423115106677159790289642479432803037n,
  32,
);
const P256_OTHER =
  '043ae159594ba062efa121480e9ef136203fa9ec6b6e1f8723a321c16e62b945f573f3b822258cbcd094b9fa1c125cbfe5f043280893e66863cc0cb4dccbe70210';
const X25519_KEY = fromHex('2184abc7eb3e656d2349d2470ee695b570c227340c2b2863b6c9ff427af1f040');
const X25519_OTHER = '8d13a119452382a1ada8eea4c979f3e63ad3f0c7366786d6c5b54b87219bae49';
const GROUP1 = modp(1024, 69n);
const ASKED_BY_CLIENT = modp(1024, 69n, [1024, 2048, 8192]);
const ASKED_OF_SERVER = modp(1024, 12345n, [1024, 2048, 4096]);
const P256 = onCurve(({ ecdh }) => ecdh('nistp256', P256_KEY), P256_OTHER);
const CURVE25519 = onCurve(({ x25519 }) => x25519(X25519_KEY), X25519_OTHER);

const EXCHANGES: readonly (readonly [string, Role, (typeof HASHES)[number], Agree, string])[] = [
  ['group1', 'client', 'sha1', GROUP1, '03079780f3d3ad0b3c6db30c8d21685f367a86d2'],
  ['group1', 'server', 'sha1', GROUP1, 'b16bf34dd10945ede84e9c1ef24a14bfdc843389'],
  ['group-exchange', 'client', 'sha1', ASKED_BY_CLIENT, 'a265563f2fa87f1a89bf007ee90d58be2e4a4bd0'],
  ['group-exchange', 'server', 'sha1', ASKED_OF_SERVER, 'ce754197c21bf3452863b4f44d0b3951f12516ef'],
  [
    'group-exchange',
    'client',
    'sha256',
    ASKED_BY_CLIENT,
    'ad1a9365a67b4496f05594ad1bf656e3cda0851289a4c1aff549feae50896df4',
  ],
  [
    'group-exchange',
    'server',
    'sha256',
    ASKED_OF_SERVER,
    'ccac0497cf0aba1dbf55e1a3995d17f4cc31824b0e8d95cdf8a06f169d050d80',
  ],
  [
    'group14',
    'client',
    'sha256',
    modp(2048, 69n),
    'd007c23686be8a7737f828dc9e899f8eb5af423f495f138437be2529c1b8455f',
  ],
  [
    'group16',
    'client',
    'sha512',
    modp(4096, 69n),
    'f6e2bcc846b9b62591efb86663d55d4769ca06b2edabe469df831639b2ddd5a271985011900a724cb2c87f19f347b3632a7c1536af3d12ee463e6ea75281af0c',
  ],
  [
    'nistp256',
    'client',
    'sha256',
    P256,
    'baf7ce243a836037eb5d2221420f35c02b9ab6c957fe3bde3369307b9612570a',
  ],
  [
    'nistp256',
    'server',
    'sha256',
    P256,
    '2ef4957afd530dd3f05dbeabf68d724facc060974da9704f2aee4c3de861e7ca',
  ],
  [
    'curve25519',
    'client',
    'sha256',
    CURVE25519,
    '05b6f6437c0cf38d1a6c5a6f6e2558deb54e7fc62447ebfb1e5d7407326a5475',
  ],
  [
    'curve25519',
    'server',
    'sha256',
    CURVE25519,
    'df08fcfcf31560fee639d9b6d56d760bc3455b5ada148e4514181023e7a9b042',
  ],
];

describe("the exchange hash of paramiko's test_kex", () => {
  it.each(EXCHANGES)('by %s, as the %s, with %s', (_method, role, hash, agree, expected) => {
    const ours = [utf8Bytes('SSH-2.0-paramiko_1.0'), utf8Bytes('local-kex-init')] as const;
    const theirs = [utf8Bytes('SSH-2.0-lame'), utf8Bytes('remote-kex-init')] as const;
    const [client, server] = both(role, ours, theirs);
    for (const provider of [defaultProvider, nobleProvider]) {
      const { values, secret } = agree(role, provider);
      const record = {
        ...{ clientIdentification: client[0], serverIdentification: server[0] },
        ...{ clientKexInit: client[1], serverKexInit: server[1] },
        hostKey: utf8Bytes(role === 'client' ? 'fake-host-key' : 'fake-key'),
        exchangeValues: values,
        sharedSecret: encodeSharedSecret(secret, 'mpint'),
      };
      expect(toHex(exchangeHash(provider, hash, record))).toBe(expected);
    }
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
