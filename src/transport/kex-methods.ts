/** The registry of key exchange methods. */
import { CURVE_AGREEMENTS, LEGACY_AGREEMENTS, MODP_AGREEMENTS } from '../crypto/key-agreements.ts';
import { GROUP_EXCHANGE, GROUP_EXCHANGE_SHA1 } from './group-exchange.ts';
import { findRow } from '../crypto/standing.ts';
import { agreementMethod, type KexMethodRow } from './kex-method.ts';

/** Every key exchange method, in order of preference. */
export const KEX_METHODS: readonly KexMethodRow[] = [
  ...CURVE_AGREEMENTS.map(agreementMethod),
  GROUP_EXCHANGE,
  ...MODP_AGREEMENTS.map(agreementMethod),
  GROUP_EXCHANGE_SHA1,
  ...LEGACY_AGREEMENTS.map(agreementMethod),
];

/** Is what somebody records of a session that began with this method safe from a quantum computer, as far as is known? */
export function isPostQuantum(kex: string): boolean {
  return findRow(KEX_METHODS, kex)?.isPostQuantum ?? false;
}
