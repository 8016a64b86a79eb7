import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { poly1305Module } from '../../src/crypto/poly1305.wasm.ts';
import { wasmPoly1305 } from '../../src/crypto/wasm-poly1305.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';
import { itIsAModule } from '../support/wasm-modules.ts';

function tag(key: Uint8Array, ...parts: readonly Uint8Array[]): string {
  const row = wasmPoly1305();
  if (row === undefined) throw new Error('there is no WebAssembly');
  return toHex(row.poly1305(key, parts));
}

describe('wasmPoly1305', () => {
  itIsAModule('poly1305', poly1305Module, wasmPoly1305);

  // RFC 8439 §2.5.2 and appendix A.3: the last ones are the edges of the reduction
  it.each([
    [
      '85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b',
      '43727970746f6772617068696320466f72756d2052657365617263682047726f7570',
      'a8061dc1305136c6c22b8baf0c0127a9',
    ],
    ['02'.padEnd(64, '0'), 'ff'.repeat(16), '03'.padEnd(32, '0')],
    [`02${'00'.repeat(15)}${'ff'.repeat(16)}`, '02'.padEnd(32, '0'), '03'.padEnd(32, '0')],
    [
      '01'.padEnd(64, '0'),
      `${'ff'.repeat(16)}f0${'ff'.repeat(15)}11${'00'.repeat(15)}`,
      '05'.padEnd(32, '0'),
    ],
    [
      '01'.padEnd(64, '0'),
      `${'ff'.repeat(16)}fb${'fe'.repeat(15)}${'01'.repeat(16)}`,
      '00'.repeat(16),
    ],
    ['02'.padEnd(64, '0'), `fd${'ff'.repeat(15)}`, `fa${'ff'.repeat(15)}`],
    [
      `0100000000000000${'04'.padEnd(48, '0')}`,
      'e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001000000000000000000000000000000',
      `1400000000000000${'55'.padEnd(16, '0')}`,
    ],
    [
      `0100000000000000${'04'.padEnd(48, '0')}`,
      'e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000',
      '13'.padEnd(32, '0'),
    ],
    ['00'.repeat(32), '', '00'.repeat(16)],
  ])('agrees with RFC 8439: %s', (key, message, expected) => {
    expect(tag(fromHex(key), fromHex(message))).toBe(expected);
  });

  it('agrees with the portable provider, whatever the key, the message and its parts', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom(0, 255).map((fill) => new Uint8Array(32).fill(fill)),
    );
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.nat({ max: 70 }).map((length) => new Uint8Array(length).fill(255)),
      // long enough to be taken four blocks at a time
      fc.nat({ max: 800 }).map((length) => new Uint8Array(length).fill(255)),
      fc.uint8Array({ minLength: 250, maxLength: 800 }),
    );
    fc.assert(
      fc.property(bytes, fc.array(part, { maxLength: 6 }), (key, parts) => {
        expect(tag(key, ...parts)).toBe(toHex(nobleProvider.poly1305(key, parts)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([130_863, 130_864, 130_865, 300_000])('takes more than its room: %i bytes', (length) => {
    const key = new Uint8Array(32).fill(7);
    const message = new Uint8Array(length).map((_, index) => index * 31);
    const expected = toHex(nobleProvider.poly1305(key, [message]));
    expect(tag(key, message)).toBe(expected);
    expect(
      tag(key, message.subarray(0, 5), message.subarray(5, 200_000), message.subarray(200_000)),
    ).toBe(expected);
  });

  it('computes each tag by its own key alone', () => {
    const row = wasmPoly1305();
    const key = fromHex('aa'.repeat(32));
    const first = row?.poly1305(key, [concatBytes([key, key])]);
    expect(row?.poly1305(new Uint8Array(32), [])).toEqual(new Uint8Array(16));
    expect(first).toEqual(nobleProvider.poly1305(key, [concatBytes([key, key])]));
  });
});
