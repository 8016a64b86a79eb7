/** What every provider's RSA must do: a published vector, trimmed signatures, refused keys, faults that never leave. */
import { describe, expect, it } from '@jest/globals';
import type {
  CryptoProvider,
  SignatureHash,
  RsaPrivateNumbers,
  RsaPublicNumbers,
} from '../../src/crypto/provider.ts';
import { concatBytes, fromBase64, fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { processorTime } from '../support/processor-time.ts';
import { ramp } from './crypto-symmetric.ts';

/** RFC 7515 A.2: key, signing input, signature (RS256). */
export const RSA_2048: RsaPrivateNumbers = {
  n: base64Number(
    'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_' +
      'YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD' +
      'Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  ),
  e: 65537n,
  d: base64Number(
    'Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTG' +
      'oVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQ' +
      'UShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ',
  ),
  p: base64Number(
    '4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t' +
      '7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc',
  ),
  q: base64Number(
    'uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njb' +
      'glfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc',
  ),
  iqmp: base64Number(
    'IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITr' +
      'JReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U',
  ),
};
const DATA = utf8Bytes(
  'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
);
const SIGNATURE = base64Bytes(
  'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQ' +
    'jbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt' +
    'FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw',
);
const HASHES: readonly SignatureHash[] = ['sha1', 'sha256', 'sha384', 'sha512'];

/** Runs the contract. */
export function rsaContract(provider: CryptoProvider): void {
  describe('rsa', () => {
    const verify = (key: RsaPublicNumbers, signature: Uint8Array): boolean =>
      provider.rsaVerify(key, 'sha256', DATA, signature);

    it('RFC 7515 A.2', async () => {
      expect(verify(RSA_2048, SIGNATURE)).toBe(true);
      const made = await provider.rsaSign(RSA_2048, 'sha256', DATA);
      expect(toHex(made)).toBe(toHex(SIGNATURE));
    });

    it.each(HASHES)('signs with %s, and no other hash verifies it', async (hash) => {
      const signature = await provider.rsaSign(RSA_2048, hash, DATA);
      const right = HASHES.filter((name) => provider.rsaVerify(RSA_2048, name, DATA, signature));
      expect(right).toEqual([hash]);
    });

    it('verifies a signature whose leading zeros were trimmed', async () => {
      // One signature in 256 begins with a zero.
      let trimmed: Uint8Array | undefined;
      let data = DATA;
      for (let i = 0; trimmed === undefined; i++) {
        data = concatBytes([DATA, ramp(2, i), Uint8Array.of(i >> 8)]);
        const signature = await provider.rsaSign(RSA_2048, 'sha256', data);
        expect(signature.length).toBe(256);
        if (signature[0] === 0) trimmed = signature.subarray(1);
      }
      expect(trimmed.length).toBe(255);
      expect(provider.rsaVerify(RSA_2048, 'sha256', data, trimmed)).toBe(true);
    });

    it('refuses a signature that is longer than the modulus', () => {
      expect(verify(RSA_2048, concatBytes([new Uint8Array(1), SIGNATURE]))).toBe(false);
    });

    it('refuses s + n, which gives the same power as s', async () => {
      let tried = 0;
      for (let i = 0; tried === 0; i++) {
        const data = ramp(9, i);
        const s = BigInt(`0x${toHex(await provider.rsaSign(RSA_2048, 'sha256', data))}`);
        const digits = (s + RSA_2048.n).toString(16).padStart(512, '0');
        if (digits.length > 512) continue;
        tried++;
        expect(provider.rsaVerify(RSA_2048, 'sha256', data, fromHex(digits))).toBe(false);
      }
      expect(verify(RSA_2048, fromHex(RSA_2048.n.toString(16)))).toBe(false);
      expect(verify(RSA_2048, new Uint8Array(256).fill(0xff))).toBe(false);
    });

    it('refuses e of 1, under which the padded digest signs itself', () => {
      const info = `003031300d060960864801650304020105000420${toHex(provider.hash('sha256', [DATA]))}`;
      const forged = fromHex(`0001${info.padStart(508, 'ff')}`);
      expect(forged.length).toBe(256);
      expect(verify({ n: RSA_2048.n, e: 1n }, forged)).toBe(false);
    });

    it('refuses touched, cut and empty signatures', () => {
      for (let bit = 0; bit < SIGNATURE.length * 8; bit += 97) {
        const touched = SIGNATURE.slice();
        touched[bit >> 3]! ^= 1 << (bit & 7);
        expect(verify(RSA_2048, touched)).toBe(false);
      }
      expect(verify(RSA_2048, SIGNATURE.subarray(0, -1))).toBe(false);
      expect(verify(RSA_2048, SIGNATURE.subarray(1))).toBe(false);
      expect(verify(RSA_2048, new Uint8Array(0))).toBe(false);
      expect(verify(RSA_2048, new Uint8Array(256))).toBe(false);
    });

    const { n } = RSA_2048;
    it.each<[string, RsaPublicNumbers]>([
      ['e of 1', { n, e: 1n }],
      ['e of 2', { n, e: 2n }],
      ['e of 0', { n, e: 0n }],
      ['an even e', { n, e: 65538n }],
      ['a negative e', { n, e: -3n }],
      ['e of 2³² + 1', { n, e: 2n ** 32n + 1n }],
      ['a vast e', { n, e: 2n ** 64n + 1n }],
      ['n of 0', { n: 0n, e: 65537n }],
      ['a negative n', { n: -n, e: 65537n }],
      ['an even n', { n: n + 1n, e: 65537n }],
      ['n of 512 bits', { n: 2n ** 511n + 1n, e: 65537n }],
      ['n of 1023 bits', { n: 2n ** 1022n + 1n, e: 65537n }],
      ['n of 16385 bits', { n: 2n ** 16384n + 1n, e: 65537n }],
      ['n of 65536 bits', { n: 2n ** 65535n + 1n, e: 65537n }],
    ])('refuses a key with %s at once', (_what, key) => {
      const spent = processorTime();
      // What 1 raised to any power gives is 1.
      for (const signature of [SIGNATURE, Uint8Array.of(1), ramp(8192, 1)]) {
        expect(provider.rsaVerify(key, 'sha256', DATA, signature)).toBe(false);
      }
      expect(spent()).toBeLessThan(100);
    });

    it('does its work for the longest key that it takes', () => {
      const key = { n: 2n ** 16383n + 1n, e: 2n ** 32n - 1n };
      expect(provider.rsaVerify(key, 'sha512', DATA, ramp(2048, 1))).toBe(false);
    });

    it.each<[string, Partial<RsaPrivateNumbers>]>([
      ['a wrong d', { d: RSA_2048.d + 2n }],
      ['a wrong p', { p: RSA_2048.p + 2n }],
      ['p and q that are not the factors', { p: 3n, q: 5n }],
      ['d of 0', { d: 0n }],
      ['a negative q', { q: -RSA_2048.q }],
      ['an even e', { e: 65538n }],
    ])('signs nothing with %s', async (_what, change) => {
      const key = { ...RSA_2048, ...change };
      const sign = async (): Promise<Uint8Array> => await provider.rsaSign(key, 'sha256', DATA);
      await expect(sign()).rejects.toMatchObject({ kind: 'key-format' });
    });
  });
}

function base64Bytes(text: string): Uint8Array {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = fromBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, '='));
  if (bytes === undefined) throw new Error('no base64');
  return bytes;
}

function base64Number(text: string): bigint {
  return BigInt(`0x${toHex(base64Bytes(text))}`);
}
