/** The tools themselves: ESM-only packages load under Jest, and the portable and the Node crypto agree on a known answer. */
import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { firstValueFrom, of } from 'rxjs';

describe('toolchain', () => {
  it('loads rxjs', async () => {
    await expect(firstValueFrom(of(1))).resolves.toBe(1);
  });

  it('loads @noble/hashes and @noble/ciphers, which agree with node:crypto', () => {
    const bytes = new Uint8Array(100).fill(7);
    expect(Buffer.from(sha256(bytes))).toEqual(createHash('sha256').update(bytes).digest());

    const key = new Uint8Array(16).fill(1);
    const nonce = new Uint8Array(12).fill(2);
    const cipher = createCipheriv('aes-128-gcm', key, nonce);
    const sealed = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    expect(Buffer.from(gcm(key, nonce).encrypt(bytes))).toEqual(sealed);
  });

  it('loads @noble/curves and @noble/post-quantum', () => {
    const alice = x25519.keygen();
    const bob = x25519.keygen();
    expect(x25519.getSharedSecret(alice.secretKey, bob.publicKey)).toEqual(
      x25519.getSharedSecret(bob.secretKey, alice.publicKey),
    );

    const { publicKey, secretKey } = ml_kem768.keygen();
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey);
    expect(ml_kem768.decapsulate(cipherText, secretKey)).toEqual(sharedSecret);
  });

  it('compiles `await using`', async () => {
    const order: string[] = [];
    {
      await using resource = {
        name: 'resource',
        [Symbol.asyncDispose]: async () => {
          await Promise.resolve();
          order.push('disposed');
        },
      };
      order.push(resource.name);
    }
    expect(order).toEqual(['resource', 'disposed']);
  });
});
