import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chacha20Module } from '../../src/crypto/chacha20.wasm.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import type { StreamCipher } from '../../src/crypto/provider.ts';
import { wasmChacha20 } from '../../src/crypto/wasm-chacha20.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';
import { itIsAModule } from '../support/wasm-modules.ts';

function cipher(key: Uint8Array, nonce: Uint8Array): StreamCipher {
  const row = wasmChacha20();
  if (row === undefined) throw new Error('there is no WebAssembly');
  return row.chacha20(key, nonce);
}

describe('wasmChacha20', () => {
  itIsAModule('chacha20', chacha20Module, wasmChacha20);

  // draft-agl-tls-chacha20poly1305-04 §7, where the nonce has 8 bytes as in SSH
  it.each([
    [
      '00'.repeat(32),
      '0000000000000000',
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    ],
    [
      `${'00'.repeat(31)}01`,
      '0000000000000000',
      '4540f05a9f1fb296d7736e7b208e3c96eb4fe1834688d2604f450952ed432d41bbe2a0b6ea7566d2a5d1e7e20d42af2c53d792b1c43fea817e9ad275ae546963',
    ],
    [
      '00'.repeat(32),
      '0000000000000001',
      'de9cba7bf3d69ef5e786dc63973f653a0b49e015adbff7134fcb7df137821031e85a050278a7084527214f73efc7fa5b5277062eb7a0433e445f41e3',
    ],
    [
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      '0001020304050607',
      'f798a189f195e66982105ffb640bb7757f579da31602fc93ec01ac56f85ac3c134a4547b733b46413042c9440049176905d3be59ea1c53f15916155c2be8241a38008b9a26bc35941e2444177c8ade6689de95264986d95889fb60e84629c9bd9a5acb1cc118be563eb9b3a4a472f82e09a7e778492b562ef7130e88dfe031c79db9d4f7c7a899151b9a475032b63fc385245fe054e3dd5a97a5f576fe064025d3ce042c566ab2c507b138db853e3d6959660996546cc9c4a6eafdc777c040d70eaf46f76dad3979e5c5360c3317166a1c894c94a371876a94df7628fe4eaaf2ccb27d5aaae0ad7ad0f9d4b6ad3b54098746d4524d38407a6deb3ab78fab78c9',
    ],
  ])('agrees with the published vectors: %s %s', (key, nonce, stream) => {
    const zeros = new Uint8Array(stream.length / 2);
    expect(toHex(cipher(fromHex(key), fromHex(nonce))(zeros))).toBe(stream);
  });

  it('agrees with the portable provider, whatever the key, the nonce and the pieces', () => {
    const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: length, maxLength: length });
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc.constantFrom(0, 1, 63, 64, 65, 255, 256, 257, 512).map((n) => new Uint8Array(n).fill(n)),
    );
    fc.assert(
      fc.property(
        exactly(32),
        exactly(8),
        fc.array(piece, { maxLength: 5 }),
        (key, nonce, pieces) => {
          const ours = cipher(key, nonce);
          const reference = nobleProvider.chacha20(key, nonce);
          for (const each of pieces) expect(toHex(ours(each))).toBe(toHex(reference(each)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([130_815, 130_816, 130_817, 300_000])('takes more than its room: %i bytes', (length) => {
    const key = new Uint8Array(32).fill(7);
    const nonce = new Uint8Array(8).fill(9);
    const text = new Uint8Array(length).map((_, index) => index * 31);
    const expected = nobleProvider.chacha20(key, nonce)(text);
    expect(Buffer.compare(cipher(key, nonce)(text), expected)).toBe(0);
    const stream = cipher(key, nonce);
    const pieces = [stream(text.subarray(0, 5)), stream(text.subarray(5))];
    expect(Buffer.compare(concatBytes(pieces), expected)).toBe(0);
  });

  it('leaves its input as it is, and gives what is nobody else’s', () => {
    const stream = cipher(new Uint8Array(32), new Uint8Array(8));
    const input = new Uint8Array(64);
    const first = stream(input);
    const copy = first.slice();
    stream(input);
    expect([input, first]).toEqual([new Uint8Array(64), copy]);
  });
});
