/** Is this the host that was meant? Policies over known hosts, before anything secret is sent. */
import {
  catchError,
  concat,
  defer,
  from,
  ignoreElements,
  map,
  type Observable,
  type ObservableInput,
  of,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
} from 'rxjs';
import { checkOptions, FUNCTION, needed, type OptionKinds, TEXTS } from '../auth/option-kinds.ts';
import { isSshError, SshError, toError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { DEFAULT_PORT, hostName } from '../keys/host-patterns.ts';
import {
  formatKnownHostsLine,
  joinKnownHosts,
  type KnownHosts,
  type KnownHostsVerdict,
} from '../keys/known-hosts.ts';
import type { KnownHostsProblem } from '../keys/known-hosts-lines.ts';
import { equalPublicKeys, type PublicKey } from '../keys/public-key.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import type { HostKeyClaim } from '../streams/key-exchange-context.ts';

/** Where known hosts are read and written. */
export interface KnownHostsStore {
  /** The lines of all files. An error refuses every key: a file that cannot be read may be the one that revokes it. */
  load(): ObservableInput<KnownHosts>;
  /** Adds a line, without its newline. */
  add(line: string): ObservableInput<unknown>;
}

/** What is asked of whoever decides over an unknown key. */
export interface HostKeyQuestion {
  readonly host: string;
  readonly port: number;
  readonly key: PublicKey;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

/** Which host keys are trusted. */
export type HostKeyPolicy =
  /** Only those that known_hosts has. */
  | { readonly policy: 'strict' }
  /** Keys of unknown hosts are added; changed and revoked ones are refused. */
  | { readonly policy: 'accept-new'; readonly hash?: boolean }
  /** Somebody is asked about unknown hosts; `true`, and nothing else, accepts and adds the key. */
  | {
      readonly policy: 'ask';
      readonly hash?: boolean;
      /** Emits the answer; nothing at all, or an error, refuses the key. */
      ask(question: HostKeyQuestion): ObservableInput<boolean>;
    }
  /** Exactly these, by fingerprint (`SHA256:…`); known_hosts is not looked at. */
  | { readonly policy: 'pinned'; readonly fingerprints: readonly string[] }
  /** Any unknown key, without adding it; changed and revoked ones are still refused. `warn` is told. */
  | {
      readonly policy: 'no';
      /** Is told of each unknown key. */
      warn(question: HostKeyQuestion): void;
    };

/** What a policy needs for its decisions. */
const POLICY_KINDS: {
  readonly [Name in HostKeyPolicy['policy']]: OptionKinds<Extract<HostKeyPolicy, { policy: Name }>>;
} = {
  strict: {},
  'accept-new': {},
  ask: { ask: needed(FUNCTION) },
  pinned: { fingerprints: needed(TEXTS) },
  no: { warn: needed(FUNCTION) },
};

const NO_HOSTS = joinKnownHosts([]);

/** Judges the keys of one host over the life of one connection. */
export class HostVerification {
  readonly #host: string;
  readonly #port: number;
  readonly #policy: HostKeyPolicy;
  readonly #store: KnownHostsStore;
  #known: KnownHosts;
  #accepted: PublicKey | undefined;
  #isKnown = false;

  constructor(
    host: string,
    port: number,
    policy: HostKeyPolicy,
    store: KnownHostsStore,
    known: KnownHosts,
  ) {
    this.#host = host;
    this.#port = port;
    this.#policy = policy;
    this.#store = store;
    this.#known = known;
  }

  /** Was the host's key found in known_hosts, and not accepted for another reason? */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Algorithms in the order in which they are offered: those of keys that are known for the host come first. */
  orderAlgorithms(algorithms: readonly string[]): readonly string[] {
    if (this.#policy.policy === 'pinned') return algorithms;
    const known = new Set(this.#known.knownTypes(this.#host, this.#port));
    const isKnown = (name: string): boolean =>
      known.has(SIGNATURE_ALGORITHMS.find((row) => row.name === name)?.keyType ?? '');
    return [...algorithms.filter(isKnown), ...algorithms.filter((name) => !isKnown(name))];
  }

  /** Emits once when the key is trusted; errors with `host-key` otherwise. */
  verify(claim: HostKeyClaim): Observable<unknown> {
    return defer(() => {
      const { key } = claim;
      if (this.#accepted !== undefined) {
        // RFC 4253 §9: a rekey may bring another host key; nothing good changes keys within a connection
        return equalPublicKeys(this.#accepted, key)
          ? of(true)
          : this.#refuse(claim, 'changed', 'it has changed at a rekey');
      }
      return defer(() => this.#judge(claim)).pipe(
        map(() => {
          this.#accepted = key;
          // from here on only this key counts, and a file of thousands of hosts is nothing for each connection to keep
          this.#known = NO_HOSTS;
          return true;
        }),
        catchError((error: unknown) =>
          isSshError(error) ? throwError(() => error) : this.#failed(claim, error),
        ),
      );
    });
  }

  #judge(claim: HostKeyClaim): Observable<unknown> {
    const policy = this.#policy;
    if (policy.policy === 'pinned') {
      const isPinned = policy.fingerprints.includes(fingerprint(claim.key));
      return isPinned ? of(true) : this.#refuse(claim, 'rejected', 'it is none of the pinned ones');
    }
    const verdict = this.#known.check({ host: this.#host, port: this.#port }, claim.key);
    if (verdict.verdict === 'known') {
      this.#isKnown = true;
      return of(true);
    }
    if (verdict.verdict !== 'unknown') return this.#refuseKnown(claim, verdict);
    const question = {
      host: this.#host,
      port: this.#port,
      key: claim.key,
      fingerprint: fingerprint(claim.key),
    };
    switch (policy.policy) {
      case 'strict':
        return this.#refuse(claim, 'unknown', 'the host is not in known_hosts');
      case 'accept-new':
        return this.#remember(claim.key, policy.hash);
      case 'ask':
        return from(policy.ask(question)).pipe(
          switchMap((isAccepted) =>
            (isAccepted as unknown) === true
              ? this.#remember(claim.key, policy.hash)
              : this.#refuse(claim, 'rejected', 'it was not accepted'),
          ),
        );
      case 'no':
        policy.warn(question);
        return of(true);
    }
  }

  #remember(key: PublicKey, hash = false): Observable<unknown> {
    const line = formatKnownHostsLine(this.#host, this.#port, key, { hash });
    return concat(from(this.#store.add(line)).pipe(ignoreElements()), of(true));
  }

  #refuseKnown(claim: HostKeyClaim, verdict: KnownHostsVerdict): Observable<never> {
    switch (verdict.verdict) {
      case 'changed':
        return this.#refuse(claim, 'changed', 'another key is known for this host', verdict);
      case 'unknown-type':
        return this.#refuse(
          claim,
          'changed',
          'only keys of other types are known for this host',
          verdict,
        );
      case 'revoked':
        return this.#refuse(claim, 'revoked', 'it is revoked', verdict);
      case 'unsupported-authority':
        return this.#refuse(
          claim,
          'rejected',
          'the host is known by a certificate authority, which is not supported yet',
          verdict,
        );
      default: {
        const why = `a line of known_hosts cannot be read${this.#problemOf(verdict)}`;
        return this.#refuse(claim, 'rejected', why, verdict);
      }
    }
  }

  /** What is wrong with the line that led to a verdict. */
  #problemOf({ file, line }: KnownHostsVerdict): string {
    const isThere = (problem: KnownHostsProblem): boolean =>
      problem.file === file && problem.line === line;
    const problem = this.#known.problems.find(isThere);
    return problem === undefined ? '' : `, ${problem.message}`;
  }

  /** Whoever was asked, or was to keep the key, has failed: that is no consent. */
  #failed(claim: HostKeyClaim, error: unknown): Observable<never> {
    const why = `it could not be judged: ${toError(error).message}`;
    return this.#refuse(claim, 'rejected', why, {}, error);
  }

  #refuse(
    { key, algorithm }: HostKeyClaim,
    reason: 'unknown' | 'changed' | 'revoked' | 'rejected',
    why: string,
    at: { readonly file?: string; readonly line?: number } = {},
    cause?: unknown,
  ): Observable<never> {
    const print = fingerprint(key);
    const where = at.file === undefined ? '' : ` (${at.file}:${String(at.line)})`;
    // as known_hosts writes it, for whoever looks for its line
    const name = hostName(this.#host, this.#port);
    const message = `host key ${print} of ${name} is not trusted: ${why}${where}`;
    return throwError(
      () =>
        new SshError(
          'host-key',
          message,
          {
            reason,
            host: this.#host,
            algorithm,
            fingerprint: print,
            ...(at.file === undefined ? {} : { file: at.file }),
            ...(at.line === undefined ? {} : { line: at.line }),
          },
          { cause },
        ),
    );
  }
}

/** Nothing is known: every host is an unknown one. */
export const noKnownHosts: KnownHostsStore = {
  load: () => of(NO_HOSTS),
  add: () => of(undefined),
};

/** Throws `config` for a policy that there is none of, and for one without what it decides by. */
export function checkHostKeyPolicy(hostKeys: HostKeyPolicy): void {
  const policies = Object.keys(POLICY_KINDS);
  if (!policies.includes(hostKeys.policy)) {
    const message = `hostKeys.policy is none of ${policies.join(', ')}`;
    throw new SshError('config', message, { option: 'hostKeys.policy' });
  }
  checkOptions(hostKeys, POLICY_KINDS[hostKeys.policy], 'hostKeys');
}

/** What decides about the keys of a host, once known_hosts is read. */
export function hostVerification(options: {
  readonly host: string;
  readonly port?: number;
  readonly hostKeys?: HostKeyPolicy;
  readonly knownHosts?: KnownHostsStore;
}): Observable<HostVerification> {
  const {
    host,
    port = DEFAULT_PORT,
    hostKeys = { policy: 'strict' },
    knownHosts = noKnownHosts,
  } = options;
  if (hostKeys.policy === 'pinned')
    return of(new HostVerification(host, port, hostKeys, knownHosts, NO_HOSTS));
  return defer(() => from(knownHosts.load())).pipe(
    take(1),
    throwIfEmpty(() => nothingCame('knownHosts')),
    catchError((error: unknown) => throwError(() => unreadable(error))),
    map((known) => new HostVerification(host, port, hostKeys, knownHosts, known)),
  );
}

/** To complete without a client would be to end in silence. */
export function nothingCame(option: string): SshError<'config'> {
  return new SshError('config', `${option} has completed without a value`, { option });
}

/** Without what is known, nobody can be trusted. */
function unreadable(error: unknown): SshError {
  if (isSshError(error)) return error;
  const message = `known hosts cannot be read: ${toError(error).message}`;
  return new SshError('config', message, { option: 'knownHosts' }, { cause: error });
}
