/**
 * known_hosts: which host has which key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Pure: text in, verdicts out; who reads the
 * files and what a verdict leads to is decided elsewhere. Where a line cannot be understood the verdict is never "unknown":
 * that would let a first-use policy trust a host about which the file has something to say.
 */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../crypto/provider.ts';
import { equalBytes, toBase64 } from '../wire/bytes.ts';
import { checkHostName, DEFAULT_PORT, hashHostName, hostName } from './host-patterns.ts';
import {
  type KnownHostsEntry,
  type KnownHostsProblem,
  parseKnownHostsLines,
} from './known-hosts-lines.ts';
import type { PublicKey } from './public-key.ts';

/** The host that a key is checked for. */
export interface KnownHostsName {
  readonly host: string;
  /** 22 unless said otherwise. */
  readonly port?: number;
  /**
   * The address that was connected to. Lines that name it can only make the verdict worse: they revoke, and another key of the
   * same type is a change. Leave it out where addresses come and go (OpenSSH: `CheckHostIP no`, the default).
   */
  readonly address?: string;
}

/**
 * What known_hosts has to say about a key.
 *
 * - `known`: a line for the host has this key.
 * - `unknown`: no line speaks of the host.
 * - `changed`: the host is known by another key of this type.
 * - `unknown-type`: the host is known, but only by keys of other types. Treat it like `changed`: whoever sits in between offers
 *   a type that the client has not seen.
 * - `revoked`: an `@revoked` line has this key. It wins over everything.
 * - `unsupported-authority`: an `@cert-authority` line vouches for the host's certificates, which are not supported, and no
 *   plain line knows it. Refuse.
 * - `unreadable`: a line for the host cannot be read; for `@revoked` this wins over `known`. Refuse.
 */
export type HostVerdict =
  | 'known'
  | 'unknown'
  | 'changed'
  | 'unknown-type'
  | 'revoked'
  | 'unsupported-authority'
  | 'unreadable';

/** A verdict, and the line that led to it. */
export interface KnownHostsVerdict {
  readonly verdict: HostVerdict;
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  /** Types of the keys by which the host is known. */
  readonly knownTypes: readonly string[];
}

/** The lines of one or more files. */
export class KnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  /** Lines that could not be read, to be shown to whoever keeps the file. */
  readonly problems: readonly KnownHostsProblem[];
  readonly #provider: CryptoProvider;

  constructor(
    entries: readonly KnownHostsEntry[],
    problems: readonly KnownHostsProblem[],
    provider: CryptoProvider = defaultProvider,
  ) {
    this.entries = entries;
    this.problems = problems;
    this.#provider = provider;
  }

  /** The lines that speak of a host, in their order, markers and unreadable ones included: what `ssh-keygen -F` finds. */
  find(host: string, port = DEFAULT_PORT): readonly KnownHostsEntry[] {
    return this.#named(this.entries, [hostName(host, port)]);
  }

  /**
   * Types of the keys by which a host is known, in the order of the lines: offer their algorithms first, so that the server
   * shows a key that can be recognised.
   */
  knownTypes(host: string, port = DEFAULT_PORT): readonly string[] {
    return this.#typesOf(this.find(host, port), host, port);
  }

  /**
   * Judges a host's key.
   *
   * @example
   * ```ts
   * const { verdict, file, line } = knownHosts.check({ host: 'db1', port: 2222 }, key);
   * ```
   */
  check(name: KnownHostsName, key: PublicKey): KnownHostsVerdict {
    const port = name.port ?? DEFAULT_PORT;
    const lines = this.find(name.host, port);
    const knownTypes = this.#typesOf(lines, name.host, port);
    const say = (verdict: HostVerdict, entry?: KnownHostsEntry): KnownHostsVerdict => ({
      verdict,
      ...(entry === undefined ? {} : { file: entry.file, line: entry.line }),
      knownTypes,
    });

    const forbidding = this.#revocation(name, port, key);
    if (forbidding !== undefined)
      return say(forbidding.blob === undefined ? 'unreadable' : 'revoked', forbidding);

    const plain = lines.filter((entry) => entry.marker === 'none');
    const conflict = this.#addressConflict(name, port, key);
    const known = plain.find((entry) => hasKey(entry, key)) ?? this.#otherPort(plain, name, key);
    if (known !== undefined)
      return conflict === undefined ? say('known', known) : say('changed', conflict);

    const readable = plain.filter((entry) => entry.blob !== undefined);
    const sameType = readable.find((entry) => entry.type === key.type) ?? conflict;
    if (sameType !== undefined) return say('changed', sameType);
    if (readable[0] !== undefined) return say('unknown-type', readable[0]);
    if (plain[0] !== undefined) return say('unreadable', plain[0]);
    const authority = lines.find((entry) => entry.marker === 'cert-authority');
    return authority === undefined ? say('unknown') : say('unsupported-authority', authority);
  }

  /** A line that revokes the key for the host on any port, or that may revoke it and cannot be read. */
  #revocation(name: KnownHostsName, port: number, key: PublicKey): KnownHostsEntry | undefined {
    const hosts = name.address === undefined ? [name.host] : [name.host, name.address];
    const names = hosts.flatMap((host) => [hostName(host, port), hostName(host, DEFAULT_PORT)]);
    const revoking = this.#named(
      this.entries.filter(({ marker }) => marker === 'revoked' || marker === 'unknown'),
      names,
    );
    return (
      revoking.find((entry) => hasKey(entry, key)) ??
      revoking.find((entry) => entry.blob === undefined)
    );
  }

  /** For a host that is not known on this port: a line for port 22 that has this very key, as OpenSSH accepts it. */
  #otherPort(
    plain: readonly KnownHostsEntry[],
    { host, port = DEFAULT_PORT }: KnownHostsName,
    key: PublicKey,
  ): KnownHostsEntry | undefined {
    if (plain.length > 0 || port === DEFAULT_PORT) return undefined;
    return this.find(host).find((entry) => entry.marker === 'none' && hasKey(entry, key));
  }

  /** A line by which the address has another key of the same type. */
  #addressConflict(
    { host, address }: KnownHostsName,
    port: number,
    key: PublicKey,
  ): KnownHostsEntry | undefined {
    if (address === undefined || address === host) return undefined;
    const plain = this.find(address, port).filter(
      ({ marker, type }) => marker === 'none' && type === key.type,
    );
    return plain.some((entry) => hasKey(entry, key)) ? undefined : plain[0];
  }

  /** Types on these lines; for a host that is not known on this port, those of port 22. */
  #typesOf(lines: readonly KnownHostsEntry[], host: string, port: number): readonly string[] {
    const types = plainTypes(lines);
    return types.length > 0 || port === DEFAULT_PORT ? types : plainTypes(this.find(host));
  }

  #named(
    entries: readonly KnownHostsEntry[],
    names: readonly string[],
  ): readonly KnownHostsEntry[] {
    return entries.filter(({ patterns }) =>
      names.some((name) => patterns.matches(name, this.#provider)),
    );
  }
}

/**
 * Reads a known_hosts file. Never throws: lines that cannot be read are listed in `problems`.
 *
 * @param text - the whole file
 * @param file - its name, for verdicts and problems
 */
export function parseKnownHosts(
  text: string,
  file: string,
  provider: CryptoProvider = defaultProvider,
): KnownHosts {
  const { entries, problems } = parseKnownHostsLines(text, file);
  return new KnownHosts(entries, problems, provider);
}

/** Several files as one: a line that revokes a key in one of them wins over all others. */
export function joinKnownHosts(
  files: readonly KnownHosts[],
  provider: CryptoProvider = defaultProvider,
): KnownHosts {
  return new KnownHosts(
    files.flatMap(({ entries }) => entries),
    files.flatMap(({ problems }) => problems),
    provider,
  );
}

/** How a line is written. */
export interface FormatKnownHostsOptions {
  /** Hides the name behind a salted hash (OpenSSH: `HashKnownHosts yes`). */
  readonly hash?: boolean;
  readonly provider?: CryptoProvider;
}

/**
 * The line that makes a host known, without a line end.
 *
 * Throws a `config` error for a host that could not be found again or would mean something else: with white space, control
 * characters, wildcards, commas or a port out of range.
 */
export function formatKnownHostsLine(
  host: string,
  port: number,
  key: PublicKey,
  options: FormatKnownHostsOptions = {},
): string {
  checkHostName(host, port);
  const name = hostName(host, port);
  const shown =
    options.hash === true ? hashHostName(name, options.provider ?? defaultProvider) : name;
  return `${shown} ${key.type} ${toBase64(key.blob)}`;
}

function hasKey(entry: KnownHostsEntry, key: PublicKey): boolean {
  return entry.blob !== undefined && equalBytes(entry.blob, key.blob);
}

function plainTypes(entries: readonly KnownHostsEntry[]): readonly string[] {
  const readable = entries.filter(({ marker, blob }) => marker === 'none' && blob !== undefined);
  return [...new Set(readable.map(({ type }) => type))];
}
