/** What a side offers: the defaults of the registries, or the names that the caller chose. */
import { CIPHERS } from '../crypto/ciphers.ts';
import { MACS } from '../crypto/macs.ts';
import { defaultNames, findRow, type Row } from '../crypto/standing.ts';
import { escapeText, SshError } from '../errors.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { KEX_METHODS } from './kex-methods.ts';
import type { Proposal } from './negotiation.ts';

/** Names of algorithms by category, best first; what is left out is as by default. */
export interface AlgorithmOptions {
  /** Key exchange methods. */
  readonly kex?: readonly string[];
  /** Signature algorithms of the server's host key. */
  readonly hostKey?: readonly string[];
  /** Ciphers, for both directions. */
  readonly cipher?: readonly string[];
  /** MACs, for both directions; an AEAD needs none. */
  readonly mac?: readonly string[];
}

/** The registries by category, so that a name can be looked up and a default list be made. */
const REGISTRIES: Readonly<Record<keyof AlgorithmOptions, readonly Row[]>> = {
  kex: KEX_METHODS,
  hostKey: SIGNATURE_ALGORITHMS,
  cipher: CIPHERS,
  mac: MACS,
};

/** Names of the algorithms of a category, best first: those that are on by default, or all that rxssh has. */
export function algorithmNames(
  category: keyof AlgorithmOptions,
  which: 'default' | 'all' = 'default',
): readonly string[] {
  const rows = REGISTRIES[category];
  return which === 'default' ? defaultNames(rows) : rows.map(({ name }) => name);
}

/** The proposal that options come to. Throws `config` for a name that no registry has, and for an empty list. */
export function proposalOf(options: AlgorithmOptions = {}): Proposal {
  return {
    kex: namesOf('kex', options.kex),
    hostKey: namesOf('hostKey', options.hostKey),
    cipher: namesOf('cipher', options.cipher),
    mac: namesOf('mac', options.mac),
    compression: ['none'],
  };
}

function namesOf(
  category: keyof AlgorithmOptions,
  chosen: readonly string[] | undefined,
): readonly string[] {
  const rows = REGISTRIES[category];
  if (chosen === undefined) return defaultNames(rows);
  const option = `algorithms.${category}`;
  const unknown = chosen.find((name) => findRow(rows, name) === undefined);
  if (unknown !== undefined) {
    throw new SshError(
      'config',
      `${option}: ${escapeText(unknown, 64)} is not an algorithm that rxssh has`,
      {
        option,
      },
    );
  }
  if (chosen.length === 0) throw new SshError('config', `${option}: the list is empty`, { option });
  return chosen;
}
