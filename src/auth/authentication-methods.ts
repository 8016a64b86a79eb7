/** Logins that take more than one method, as by AuthenticationMethods of sshd_config(5). */
import { Observable, of } from 'rxjs';
import { SshError } from '../errors.ts';
import { takeVerdict } from '../operators/take-verdict.ts';
import { type AuthAttemptInfo, type AuthDecision, type AuthPolicy, verdictOf } from './policy.ts';
import { METHOD_NAMES } from './server-options.ts';

type Chain = readonly string[];

/**
 * Has a login take all methods of one chain, one after the other, each of which a policy consents to. What succeeded is told with
 * the methods that are left; `publickey,publickey` takes two different keys. What the factors permit holds together, a command
 * that any of them forces with it; `context` is that of the last.
 *
 * @param chains - such as `publickey,password`; one of them is enough
 * @param authenticate - asked about each method that is the next of a chain, and about no other. It decides by the credential
 * alone: a partial success of its own refuses.
 * @returns a policy, and the methods to offer at first
 * @throws SshError `config` for no chain at all, a method that there is none of, or one but `publickey` twice in a chain
 * @example
 * ```ts
 * const { methods, authenticate } = authenticationMethods(
 *   ['publickey,password', 'publickey,keyboard-interactive'],
 *   policy,
 * );
 * listen({ port: 2200, hostKeys, authenticate, authentication: { methods } });
 * ```
 */
export function authenticationMethods(
  chains: readonly string[],
  authenticate: AuthPolicy,
): { readonly methods: readonly string[]; readonly authenticate: AuthPolicy } {
  const all = chains.map(readChain);
  if (all.length === 0) throw badChain('', 'no chain of methods');
  return {
    methods: nextOf(all, 0),
    authenticate: (attempt) => {
      const done = [...attempt.partialSuccesses, attempt].map(({ method }) => method);
      const open = all.filter((chain) => done.every((method, at) => chain[at] === method));
      return open.length === 0 ? of(false) : within(open, done.length, authenticate, attempt);
    },
  };
}

function within(
  open: readonly Chain[],
  done: number,
  authenticate: AuthPolicy,
  attempt: AuthAttemptInfo,
): Observable<AuthDecision> {
  return new Observable((subscriber) =>
    takeVerdict<unknown>(
      () => authenticate(attempt),
      (decision) => {
        subscriber.next(decide(decision, open, done));
        subscriber.complete();
      },
      (error) => (error === undefined ? subscriber.complete() : subscriber.error(error)),
    ),
  );
}

function decide(decision: unknown, open: readonly Chain[], done: number): AuthDecision {
  const verdict = verdictOf(decision, []);
  if (verdict.type === 'change-password') return { changePassword: true, prompt: verdict.prompt };
  if (verdict.type !== 'accept') return false;
  const { permissions, context, noTouchRequired } = verdict;
  const allowed = { permissions, ...(noTouchRequired === true ? { noTouchRequired } : {}) };
  return open.some((chain) => chain.length === done)
    ? { accept: true, ...allowed, ...(context === undefined ? {} : { context }) }
    : { partial: true, ...allowed, methodsLeft: nextOf(open, done) };
}

function nextOf(chains: readonly Chain[], at: number): readonly string[] {
  return [...new Set(chains.flatMap((chain) => chain[at] ?? []))];
}

function readChain(text: string): Chain {
  const chain = text.split(',');
  const unknown = chain.find((name) => !METHOD_NAMES.includes(name));
  if (unknown !== undefined) throw badChain(text, `no method ${JSON.stringify(unknown)}`);
  const once = chain.filter((name) => name !== 'publickey');
  if (new Set(once).size < once.length) throw badChain(text, 'a method counts once');
  return chain;
}

function badChain(text: string, why: string): SshError<'config'> {
  const option = 'authenticationMethods';
  return new SshError('config', `${option} ${JSON.stringify(text)}: ${why}`, { option });
}
