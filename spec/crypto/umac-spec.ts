/** UMAC against the vectors of RFC 4418, Appendix. */
import { describe, expect, it } from '@jest/globals';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { umac } from '../../src/crypto/umac.ts';
import { toHex, utf8Bytes } from '../../src/wire/bytes.ts';

const KEY = utf8Bytes('abcdefghijklmnop');
const NONCE = utf8Bytes('bcdefghi');
/** What is repeated, how often, and tags of 64 and of 96 bits: the latter are the beginning of those of 128. */
const VECTORS = [
  ['', 0, '6e155fad26900be1', '32fedb100c79ad58f07ff764'],
  ['a', 3, '44b5cb542f220104', '185e4fe905cba7bd85e4c2dc'],
  ['a', 2 ** 10, '26bf2f5d60118bd9', '7a54abe04af82d60fb298c3c'],
  ['a', 2 ** 15, '27f8ef643b0d118d', '7b136bd911e4b734286ef2be'],
  ['a', 2 ** 20, 'a4477e87e9f55853', 'f8acfa3ac31cfeea047f7b11'],
  ['abc', 1, 'd4d7b9f6bd4fbfcf', '883c3d4b97a61976ffcf2323'],
  ['abc', 500, 'd4cf26ddefd5c01a', '8824a260c53c66a36c9260a6'],
] as const;

describe.each([nodeProvider, nobleProvider])('UMAC on $name', (provider) => {
  it.each(VECTORS)('RFC 4418: %j %d times', (text, times, short, long) => {
    const message = utf8Bytes(text.repeat(times));
    expect(toHex(umac(provider, KEY, 8)(NONCE, [message]))).toBe(short);
    expect(toHex(umac(provider, KEY, 16)(NONCE, [message])).slice(0, 24)).toBe(long);
  });

  it.each([8, 16] as const)('tags of %d bytes do not hang on what was tagged before', (length) => {
    const mac = umac(provider, KEY, length);
    const message = utf8Bytes('some packet');
    for (const last of [0, 1, 1, 6, 7, 255]) {
      const nonce = Uint8Array.of(0, 0, 0, 0, 1, 2, 3, last);
      const tag = mac(nonce, [message.subarray(0, 4), message.subarray(4)]);
      expect(toHex(tag)).toBe(toHex(umac(provider, KEY, length)(nonce, [message])));
    }
  });
});

it('UMAC is the same on both providers, in every length', () => {
  for (const length of [8, 16] as const) {
    const [node, noble] = [nodeProvider, nobleProvider].map((each) => umac(each, KEY, length));
    for (let size = 0; size < 3200; size += 29) {
      const message = Uint8Array.from({ length: size }, (_, at) => (at * 199) ^ 0xff);
      expect(toHex(node!(NONCE, [message]))).toBe(toHex(noble!(NONCE, [message])));
    }
  }
});
