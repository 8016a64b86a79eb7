/** Files of groups for group exchange, in the form of moduli(5). */
import { bitLength } from '../crypto/integers.ts';
import type { ModpGroup } from '../crypto/provider.ts';

/** Type of a safe prime. */
const SAFE = '2';
/** Bits of the field of tests: found composite; passed a test for primes. */
const COMPOSITE = 0x01;
const PRIME_TESTS = 0x04 | 0x08 | 0x10;

/**
 * The groups of a file such as `/etc/ssh/moduli`: those with a safe prime that has passed a test. Other lines are passed over.
 *
 * @param text - the file; `ssh-keygen -M` makes such files
 * @example
 * ```ts
 * listen({ moduli: parseModuli(await readFile('/etc/ssh/moduli', 'utf8')), … })
 * ```
 */
export function parseModuli(text: string): readonly ModpGroup[] {
  return text.split('\n').flatMap((line) => groupOf(line) ?? []);
}

/** time type tests trials size generator modulus: the size is one less than the bits of the modulus. */
function groupOf(line: string): ModpGroup | undefined {
  const [, type, tests = '', , size, generator = '', modulus = ''] = line.trim().split(/\s+/);
  if (type !== SAFE || !isHex(generator) || !isHex(modulus)) return undefined;
  const passed = Number(tests);
  if ((passed & COMPOSITE) !== 0 || (passed & PRIME_TESTS) === 0) return undefined;
  const group = { p: BigInt(`0x${modulus}`), g: BigInt(`0x${generator}`) };
  const isWhole = bitLength(group.p) === Number(size) + 1 && group.g > 1n && group.g < group.p;
  return isWhole ? group : undefined;
}

function isHex(text: string): boolean {
  return /^[0-9A-Fa-f]+$/.test(text);
}
