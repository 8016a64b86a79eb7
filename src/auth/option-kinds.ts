/** Looks at options for who writes without types: a wrong one is an error that names it, and not a login that fails. */
import { isObservable } from 'rxjs';
import { SshError } from '../errors.ts';
import { isSoftwareVersion } from '../transport/identification.ts';

/** What an option may be, `undefined` besides. */
export interface OptionKind {
  /** For the error: `a text`. */
  readonly name: string;
  /** Must it be there? */
  readonly isNeeded?: boolean;
  readonly fits: (value: unknown) => boolean;
}

/** A kind for each option that is looked at. */
export type OptionKinds<T> = { readonly [Name in keyof T]?: OptionKind };

export const TEXT: OptionKind = { name: 'a text', fits: (value) => typeof value === 'string' };
export const TEXTS: OptionKind = {
  name: 'a list of texts',
  fits: (value) => Array.isArray(value) && value.every(TEXT.fits),
};
export const FUNCTION: OptionKind = {
  name: 'a function',
  fits: (value) => typeof value === 'function',
};
export const TEXT_OR_FUNCTION: OptionKind = {
  name: 'a text or a function',
  fits: (value) => TEXT.fits(value) || FUNCTION.fits(value),
};
export const NUMBER: OptionKind = {
  name: 'a number',
  fits: (value) => typeof value === 'number' && !Number.isNaN(value),
};
/** A limit, or a time: without an end it is none. */
export const AMOUNT: OptionKind = {
  name: 'a number that is not negative',
  fits: (value) => typeof value === 'number' && value >= 0,
};
/** See `KeepaliveOptions`. */
export const KEEPALIVE_KINDS = { interval: AMOUNT, countMax: AMOUNT };
/** See `RekeyLimits`. */
export const REKEY_KINDS = { bytes: AMOUNT, packets: AMOUNT, milliseconds: AMOUNT };
/** What stands in an identification (RFC 4253 §4.2). */
export const SOFTWARE: OptionKind = {
  name: 'printable US-ASCII without a minus sign',
  fits: (value) => typeof value === 'string' && isSoftwareVersion(value),
};
/** See `Identities`. */
export const SOURCES_OF_KEYS: OptionKind = {
  name: 'a function or an Observable that emits keys, or a list of these',
  fits: (value) => [value].flat().every((each) => FUNCTION.fits(each) || isObservable(each)),
};

/** The same, of an option that must be there. */
export function needed(kind: OptionKind): OptionKind {
  return { ...kind, isNeeded: true };
}

/**
 * Throws `config` for the first option that is missing, or of another kind.
 *
 * @param parent - name of the option in which these stand
 */
export function checkOptions<T>(options: T, kinds: OptionKinds<T>, parent?: string): void {
  const given = { ...options } as Readonly<Record<string, unknown>>;
  for (const [name, kind] of Object.entries(kinds as Readonly<Record<string, OptionKind>>)) {
    const option = parent === undefined ? name : `${parent}.${name}`;
    const value = given[name];
    if (value === undefined ? kind.isNeeded !== true : kind.fits(value)) continue;
    const problem = value === undefined ? `is missing: ${kind.name}` : `is not ${kind.name}`;
    throw new SshError('config', `${option} ${problem}`, { option });
  }
}
