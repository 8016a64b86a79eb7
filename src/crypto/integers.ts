/**
 * Arithmetic over big integers, for RSA and for Diffie-Hellman modulo a prime. BigInt takes the time that its operands make it
 * take: what is secret here is used once and forgotten.
 */
import { fromHex, toHex } from '../wire/bytes.ts';

/** base^exponent mod modulus. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

/** Length in bits; 0 has none to speak of. */
export function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return (digits.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(digits.charAt(0), 16)));
}

/** Length in bytes. */
export function byteLength(value: bigint): number {
  return Math.ceil(bitLength(value) / 8);
}

/** The unsigned integer that the bytes are, the most significant first. */
export function bytesToInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x0${toHex(bytes)}`);
}

/** An unsigned integer in exactly `length` bytes, the most significant first. */
export function integerToBytes(value: bigint, length: number): Uint8Array {
  return fromHex(value.toString(16).padStart(length * 2, '0'));
}
