/** The two providers against each other on whatever comes, and how the Node one is put together. */
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { defaultProvider as portableProvider } from '../../src/crypto/default-portable.ts';
import { MODP_SIZES, modpGroup } from '../../src/crypto/modp.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider, whenWorking } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider, CurveName, HashName } from '../../src/crypto/provider.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { RSA_2048 } from '../contract/crypto-rsa.ts';

const RUNS = { numRuns: 60 };
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const parts = fc.array(bytes(300), { maxLength: 5 });
const hashName = fc.constantFrom<HashName>('sha1', 'sha256', 'sha384', 'sha512');
const aesKey = fc.oneof(exactly(16), exactly(24), exactly(32));
const curve = fc.constantFrom<CurveName>('nistp256', 'nistp384', 'nistp521');

/** Both providers give the same bytes. */
function agree(compute: (provider: CryptoProvider) => Uint8Array): void {
  expect(toHex(compute(nodeProvider))).toBe(toHex(compute(nobleProvider)));
}

describe('node and noble agree', () => {
  it('on hashes', () => {
    fc.assert(
      fc.property(hashName, parts, (name, data) => agree((p) => p.hash(name, data))),
      RUNS,
    );
  });

  it('on HMACs', () => {
    fc.assert(
      fc.property(hashName, bytes(200), parts, (name, key, data) =>
        agree((p) => p.hmac(name, key)(data)),
      ),
      RUNS,
    );
  });

  it('on AES-CTR', () => {
    fc.assert(
      fc.property(aesKey, exactly(16), parts, (key, counter, inputs) =>
        agree((p) => joined(inputs.map(p.aesCtr(key, counter)))),
      ),
      RUNS,
    );
  });

  it('on AES-GCM', () => {
    fc.assert(
      fc.property(aesKey, exactly(12), bytes(40), bytes(400), (key, nonce, associated, text) =>
        agree((p) => {
          const sealed = new Uint8Array(text.length + 16);
          p.aesGcm(key).seal(nonce, associated, text, sealed, 0);
          return sealed;
        }),
      ),
      RUNS,
    );
  });

  it('on ChaCha20 and Poly1305', () => {
    const inputs = fc.array(bytes(600), { maxLength: 5 });
    fc.assert(
      fc.property(exactly(32), exactly(8), inputs, (key, nonce, data) => {
        agree((p) => joined(data.map(p.chacha20(key, nonce))));
        agree((p) => p.poly1305(key, data));
      }),
      RUNS,
    );
  });

  it('on ECDH', () => {
    fc.assert(
      fc.property(curve, (name) => {
        const [ours, theirs] = [nodeProvider.ecdsaGenerate(name), nodeProvider.ecdsaGenerate(name)];
        agree((p) => p.ecdh(name, ours).publicKey);
        agree((p) => p.ecdh(name, ours).agree(nodeProvider.ecdh(name, theirs).publicKey));
      }),
      RUNS,
    );
  });

  it('on Diffie-Hellman modulo a prime', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MODP_SIZES),
        exactly(64),
        exactly(64),
        (size, ours, theirs) => {
          const group = modpGroup(size);
          agree((p) => p.modp(group, ours).publicKey);
          agree((p) => p.modp(group, ours).agree(nodeProvider.modp(group, theirs).publicKey));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('on X25519', () => {
    fc.assert(
      fc.property(exactly(32), exactly(32), (ours, theirs) => {
        agree((p) => p.x25519(ours).publicKey);
        agree((p) => p.x25519(ours).agree(nodeProvider.x25519(theirs).publicKey));
      }),
      { numRuns: 15 },
    );
  });

  it('on Ed25519', () => {
    fc.assert(
      fc.property(exactly(32), bytes(100), (seed, data) => {
        agree((p) => p.ed25519PublicKey(seed));
        agree((p) => p.ed25519Sign(seed, data));
      }),
      { numRuns: 15 },
    );
  });

  it('on each other’s ECDSA keys and signatures', () => {
    fc.assert(
      fc.property(curve, bytes(100), fc.boolean(), (name, data, swap) => {
        const [signer, verifier] = swap
          ? [nodeProvider, nobleProvider]
          : [nobleProvider, nodeProvider];
        const privateKey = signer.ecdsaGenerate(name);
        agree((p) => p.ecdsaPublicKey(name, privateKey));
        const signature = signer.ecdsaSign(name, privateKey, data);
        const point = verifier.ecdsaPublicKey(name, privateKey);
        expect(verifier.ecdsaVerify(name, point, data, signature)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  it('on RSA', async () => {
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const data = nodeProvider.randomBytes(50);
      const ours = await nodeProvider.rsaSign(RSA_2048, hash, data);
      const theirs = await nobleProvider.rsaSign(RSA_2048, hash, data);
      expect(toHex(ours)).toBe(toHex(theirs));
    }
  });
});

describe('the provider of the platform', () => {
  it('is chosen by the import', () => {
    expect(defaultProvider).toBe(nodeProvider);
    // but for what is WebAssembly, and so the fastest that there is
    const { poly1305, chacha20, bestCipher, ...others } = portableProvider;
    expect(others).toEqual({ ...nobleProvider, poly1305: undefined, chacha20: undefined });
    expect(poly1305).not.toBe(nobleProvider.poly1305);
    expect(chacha20).not.toBe(nobleProvider.chacha20);
    expect(bestCipher).toBe('chacha20-poly1305@openssh.com');
  });

  it('takes every row from node:crypto that this Node has', () => {
    const shared = (Object.keys(nobleProvider) as (keyof CryptoProvider)[]).filter(
      (row) => nodeProvider[row] === nobleProvider[row],
    );
    expect(shared.sort()).toEqual(['mlkem768', 'mlkem768Encapsulate']);
  });

  it('keeps the portable row where the platform lacks one', () => {
    const rows = { poly1305: nodeProvider.poly1305 };
    expect(whenWorking(rows, () => true)).toBe(rows);
    expect(whenWorking(rows, () => false)).toBeUndefined();
    expect(
      whenWorking(rows, () => {
        throw new Error('Unknown cipher');
      }),
    ).toBeUndefined();
  });

  it('gives no Buffers', async () => {
    for (const provider of [nodeProvider, nobleProvider]) {
      const outputs = [
        provider.randomBytes(8),
        provider.randomBytes(80),
        provider.hash('sha256', []),
        provider.hmac('sha256', new Uint8Array(3))([]),
        provider.aesCtr(new Uint8Array(16), new Uint8Array(16))(new Uint8Array(20)),
        provider.chacha20(new Uint8Array(32), new Uint8Array(8))(new Uint8Array(20)),
        provider.chacha20(new Uint8Array(32), new Uint8Array(8))(new Uint8Array(999)),
        provider.x25519().publicKey,
        provider.x25519().agree(provider.x25519().publicKey),
        provider.ed25519PublicKey(new Uint8Array(32)),
        provider.ed25519Sign(new Uint8Array(32), new Uint8Array(1)),
        provider.ecdsaGenerate('nistp256'),
        provider.ecdsaPublicKey('nistp256', new Uint8Array(32).fill(1)),
        provider.ecdsaSign('nistp256', new Uint8Array(32).fill(1), new Uint8Array(1)),
        await provider.rsaSign(RSA_2048, 'sha256', new Uint8Array(1)),
      ];
      expect(outputs.map((output) => output.constructor.name)).toEqual(
        outputs.map(() => 'Uint8Array'),
      );
    }
  });
});

describe('a signer with a fault', () => {
  it('never lets a wrong RSA signature out (portable)', async () => {
    const wrong = new Uint8Array(256).fill(1);
    const sign = jest.spyOn(globalThis.crypto.subtle, 'sign').mockResolvedValue(wrong.buffer);
    try {
      const signing = nobleProvider.rsaSign(RSA_2048, 'sha256', new Uint8Array(1));
      await expect(signing).rejects.toMatchObject({ kind: 'key-format' });
      expect(sign).toHaveBeenCalledTimes(1);
    } finally {
      sign.mockRestore();
    }
  });
});

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
