/** In which order keys are tried, and which of an agent's are. */
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  from,
  shareReplay,
  switchMap,
  toArray,
} from 'rxjs';
import type { IdentitySource } from '../auth/client-options.ts';
import { equalPublicKeys } from '../keys/public-key.ts';

/** Where keys may come from. */
export interface KnownIdentities {
  /** Key files that were named. */
  readonly named: readonly IdentitySource[];
  /** Those that are there without having been named. */
  readonly usual: readonly IdentitySource[];
  readonly agent?: IdentitySource;
  /** Of the agent's keys, only those of the files: sshd closes after six that it does not know. */
  readonly identitiesOnly?: boolean;
}

/**
 * Sources of keys, in the order in which OpenSSH's client tries them: the files that were named, the agent, the usual files. With
 * `identitiesOnly` the agent's come first, so that a file's passphrase need not be typed.
 */
export function orderIdentities(known: KnownIdentities): readonly IdentitySource[] {
  const { named, usual, agent, identitiesOnly = false } = known;
  if (agent === undefined) return [...named, ...usual];
  if (!identitiesOnly) return [...named, agent, ...usual];
  const files = [...named, ...usual].map(openedOnce);
  return [matching(agent, files), ...files];
}

/** Some keys do not say which they are without their passphrase, for which nobody is to be asked twice. A file has one key. */
function openedOnce(file: IdentitySource): IdentitySource {
  const signer$ = defer(file).pipe(shareReplay({ bufferSize: 1, refCount: true }));
  return () => signer$;
}

/** Keys of the agent that are those of the files. */
function matching(agent: IdentitySource, files: readonly IdentitySource[]): IdentitySource {
  return () =>
    // a file that cannot be read tells so itself, in its turn
    concat(...files.map((file) => defer(file).pipe(catchError(() => EMPTY)))).pipe(
      toArray(),
      switchMap((own) =>
        from(agent()).pipe(
          filter((signer) => own.some((key) => equalPublicKeys(key.publicKey, signer.publicKey))),
        ),
      ),
    );
}
