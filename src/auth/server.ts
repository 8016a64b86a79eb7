/** The server's side of the authentication protocol (RFC 4252), run over a transport: carries out what server-state.ts asks for. */
import { Observable, type Subscriber, Subscription } from 'rxjs';
import { randomFraction } from '../crypto/random.ts';
import { defaultNames, findRow } from '../crypto/standing.ts';
import { type AuthAttempt, escapeText, protocolError, SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { MINIMUM_RSA_BITS } from '../keys/public-key.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { USERAUTH_SERVER_MESSAGES } from '../messages/userauth.ts';
import type { InboundMessage } from '../operators/decode.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { asSshError } from '../streams/ending.ts';
import type { SshTransport } from '../streams/transport.ts';
import { keyboardInteractiveServer } from './methods/keyboard-interactive.ts';
import { noneServer } from './methods/none.ts';
import { passwordServer } from './methods/password.ts';
import { publicKeyServer } from './methods/publickey.ts';
import {
  type AuthAttemptInfo,
  type AuthPolicy,
  type AuthReport,
  type Credential,
  verdictOf,
} from './policy.ts';
import { PolicyCall } from './policy-call.ts';
import type {
  Presented,
  ServerMethod,
  ServerMethodContext,
  UserauthRequest,
} from './server-method.ts';
import type {
  Admitted,
  ServerAuthEffect,
  ServerAuthEvent,
  ServerAuthRules,
  ServerAuthState,
} from './server-login.ts';
import { initialServerAuth, serverAuthReducer } from './server-state.ts';

/** Who may log in, and how. */
export interface ServerAuthOptions {
  /** Decides about every try; see {@link AuthPolicy}. */
  authenticate(attempt: AuthAttemptInfo): ReturnType<AuthPolicy>;
  /** Told of each try, but for questions about keys that the policy has consented to. What it throws ends the connection. */
  attempted?(report: AuthReport): void;
  /**
   * Methods that are offered at first, of `publickey`, `password` and `keyboard-interactive`; the former two unless said otherwise.
   * What is left after a partial success, the policy says.
   */
  readonly methods?: readonly string[];
  /** Lets the policy be asked about `none`, which logs in whoever comes. Without it `none` always fails. */
  readonly allowNone?: boolean;
  /** Lets the policy be asked about an empty password. */
  readonly allowEmptyPassword?: boolean;
  /** Signature algorithms that user keys may sign with; those that are on by default unless said otherwise. */
  readonly algorithms?: readonly string[];
  /** RSA keys below this are refused; 2048 unless said otherwise. */
  readonly minimumRsaBits?: number;
  /** Milliseconds from the start of the authentication to its success, whatever happens meanwhile; 60 000 unless said otherwise, 0 is no limit. */
  readonly loginGraceTime?: number;
  /** Failed tries before the client is disconnected; 6 unless said otherwise. The first `none` and questions about keys do not count. */
  readonly maxFailures?: number;
  /** Requests of any kind before the client is disconnected; 64 unless said otherwise. */
  readonly maxRequests?: number;
  /**
   * Milliseconds from a request to the reply that it has failed, at the least, and up to as much again by chance, whatever the
   * policy did meanwhile: so that the time does not tell which users exist. 50 unless said otherwise, 0 is at once.
   */
  readonly failureDelay?: number;
  /** Text that the client shows before the login (RFC 4252 §5.4). */
  readonly banner?: string;
}

/** Who has logged in. */
export interface ServerAuthenticated extends Admitted {
  /** What was tried before, in order. */
  readonly attempts: readonly AuthAttempt[];
}

const METHODS: readonly ServerMethod[] = [
  ...[noneServer, publicKeyServer, passwordServer, keyboardInteractiveServer],
];
/** `none` is allowed by an option of its own, and never listed (RFC 4252 §5.2). */
export const METHOD_NAMES = METHODS.map(({ name }) => name).filter((name) => name !== 'none');
const DEFAULT_METHODS = ['publickey', 'password'];
const DEFAULT_FAILURE_DELAY = 50;
/** Longest user name in a report, in characters. */
const MAX_SHOWN_USER = 255;

/**
 * Authenticates the client of a transport (RFC 4252). Subscribe as soon as the transport is there: the client's first message
 * may be under way.
 *
 * Emits once, within the handling of the request that was granted, when USERAUTH_SUCCESS is on its way: enter the next phase
 * of the transport right there, before its next packet is looked at. Then completes. Unsubscribing calls the policy off.
 *
 * Errors with what has ended the transport: `auth` (too many tries; the client is told NO_MORE_AUTH_METHODS_AVAILABLE),
 * `timeout` (phase `login`), `protocol` (among others another service than ssh-userauth and ssh-connection:
 * SERVICE_NOT_AVAILABLE), or any error of the transport.
 *
 * @example
 * ```ts
 * authenticateServer(transport, {
 *   authenticate: (attempt) =>
 *     attempt.method === 'publickey' && isAuthorized(attempt.user, attempt.publicKey),
 * }).subscribe(({ user }) => transport.enterPhase('connection', CONNECTION_MESSAGES));
 * ```
 */
export function authenticateServer(
  transport: SshTransport,
  options: ServerAuthOptions,
): Observable<ServerAuthenticated> {
  return new Observable((subscriber) => {
    new ServerAuthentication(transport, options, subscriber).start();
  });
}

class ServerAuthentication {
  readonly #transport: SshTransport;
  readonly #options: ServerAuthOptions;
  readonly #subscriber: Subscriber<ServerAuthenticated>;
  readonly #context: ServerMethodContext;
  #state: ServerAuthState;
  #isAccepted = false;
  #call: PolicyCall | undefined;
  #delayed = Subscription.EMPTY;
  #began = 0;

  constructor(
    transport: SshTransport,
    options: ServerAuthOptions,
    subscriber: Subscriber<ServerAuthenticated>,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#state = initialServerAuth(rulesOf(options), options.banner);
    this.#context = {
      sessionId: transport.handshake.sessionId,
      provider: transport.provider,
      algorithms: options.algorithms ?? defaultNames(SIGNATURE_ALGORITHMS),
      minimumRsaBits: options.minimumRsaBits ?? MINIMUM_RSA_BITS,
      allowEmptyPassword: options.allowEmptyPassword ?? false,
    };
  }

  start(): void {
    const transport = this.#transport;
    const subscriber = this.#subscriber;
    const { loginGraceTime = 60_000 } = this.#options;
    const expire = (): void => transport.fail(timeoutError('login', loginGraceTime));
    subscriber.add(() => {
      this.#call?.callOff();
      this.#delayed.unsubscribe();
    });
    subscriber.add(after(loginGraceTime, expire, transport.scheduler));
    subscriber.add(
      transport.service$.subscribe((name) => this.#guard(() => this.#acceptService(name))),
    );
    subscriber.add(
      transport.upper$.subscribe((inbound) => this.#guard(() => this.#receive(inbound))),
    );
    subscriber.add(transport.closed$.subscribe((error) => subscriber.error(error)));
    if (!subscriber.closed) transport.expectService();
  }

  #acceptService(serviceName: string): void {
    const transport = this.#transport;
    if (serviceName !== 'ssh-userauth') {
      const text = `no service ${escapeText(serviceName, 64)} before authentication`;
      throw protocolError(text, DisconnectReason.SERVICE_NOT_AVAILABLE);
    }
    if (this.#isAccepted) this.#dispatch({ type: 'service-request' });
    else transport.enterPhase('userauth', USERAUTH_SERVER_MESSAGES);
    this.#isAccepted = true;
    transport.send({ type: 'SERVICE_ACCEPT', serviceName });
    // paramiko asks anew before each try
    transport.expectService();
  }

  #receive({ message, number }: InboundMessage): void {
    switch (message?.type) {
      case 'USERAUTH_REQUEST':
        this.#dispatch({ type: 'request', request: message });
        return;
      case 'USERAUTH_INFO_RESPONSE':
        this.#dispatch({
          type: 'answered',
          responses: message.responses.map(({ response }) => response),
        });
        return;
      default:
        throw protocolError(`message ${number} is not expected now`);
    }
  }

  #dispatch(event: ServerAuthEvent): void {
    const [state, effects] = serverAuthReducer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ServerAuthEffect): void {
    switch (effect.type) {
      case 'send':
        this.#transport.send(effect.message);
        return;
      case 'began':
        this.#began = this.#transport.scheduler.now();
        return;
      case 'examine':
        this.#examine(effect.request);
        return;
      case 'ask-policy':
        this.#askPolicy(effect);
        return;
      case 'answer-policy':
        this.#call?.answer(effect.responses);
        return;
      case 'call-off':
        this.#call?.callOff();
        return;
      case 'delay':
        this.#delay();
        return;
      case 'attempted':
        this.#report(effect.user, effect.attempt);
        return;
      case 'succeed':
        this.#reportSuccess(effect.admitted);
        this.#subscriber.next({ ...effect.admitted, attempts: this.#state.attempts });
        this.#subscriber.complete();
        return;
      case 'fail':
        this.#transport.fail(effect.error);
        return;
    }
  }

  #examine(request: UserauthRequest): void {
    const method = METHODS.find(({ name }) => name === request.methodName);
    const claim = method?.examine(request, this.#context);
    this.#dispatch({
      type: 'examined',
      claim: claim ?? { type: 'refuse', reason: 'method not supported' },
    });
  }

  #askPolicy(effect: Extract<ServerAuthEffect, { type: 'ask-policy' }>): void {
    const { user, credential, partialSuccesses } = effect;
    const { peer } = this.#transport;
    // a word of a call that was called off meanwhile must not count for the try after it
    const later = (event: ServerAuthEvent): void => this.#later(event, () => this.#call === call);
    const call = new PolicyCall({
      decided: (decision) => later({ type: 'verdict', verdict: verdictOf(decision, METHOD_NAMES) }),
      failed: (reason) => later({ type: 'verdict', verdict: { type: 'deny', reason } }),
      asked: (challenge) => later({ type: 'question', challenge }),
    });
    this.#call = call;
    const attempt: AuthAttemptInfo = {
      ...{ ...asked(credential, call), user, partialSuccesses },
      ...(peer === undefined ? {} : { peer }),
    };
    call.start(() => this.#options.authenticate(attempt));
  }

  /** Holds a failure back until a time that does not depend on what the policy did; a slow policy doubles it. */
  #delay(): void {
    const { failureDelay = DEFAULT_FAILURE_DELAY } = this.#options;
    const { scheduler, provider } = this.#transport;
    const elapsed = scheduler.now() - this.#began;
    let target = failureDelay * (1 + randomFraction(provider));
    while (target > 0 && target < elapsed) target *= 2;
    const delayed: ServerAuthEvent = { type: 'delayed' };
    // a delay of 0 is none; `after` would take it for never
    if (target - elapsed <= 0) this.#later(delayed);
    else this.#delayed = after(target - elapsed, () => this.#later(delayed), scheduler);
  }

  #later(event: ServerAuthEvent, isStillDue = (): boolean => true): void {
    this.#transport.run(() => {
      if (!this.#subscriber.closed && isStillDue()) this.#dispatch(event);
    });
  }

  #reportSuccess({ user, method, publicKey }: Admitted): void {
    const key = publicKey === undefined ? {} : { with: fingerprint(publicKey) };
    this.#report(user, { method, outcome: 'accepted', ...key });
  }

  #report(user: string, attempt: Omit<AuthReport, 'user'>): void {
    const { method, outcome } = attempt;
    this.#transport.trace?.({ type: 'auth', method, outcome });
    this.#options.attempted?.({ ...attempt, user: escapeText(user, MAX_SHOWN_USER) });
  }

  /** What a subscriber throws, rxjs reports on a timer while the session goes on: here it ends the connection. */
  #guard(task: () => void): void {
    try {
      task();
    } catch (thrown) {
      this.#transport.fail(asSshError(thrown));
    }
  }
}

function asked(presented: Presented, call: PolicyCall): Credential {
  if (presented.method !== 'keyboard-interactive') return presented;
  return { ...presented, ask: (challenge) => call.ask(challenge) };
}

type ServerAuthSettings = Omit<ServerAuthOptions, 'authenticate' | 'attempted'>;

/**
 * Looks at options before there is anybody to log in.
 *
 * @throws SshError `config` for a method or a signature algorithm that there is none of
 */
export function checkServerAuth({
  methods = DEFAULT_METHODS,
  algorithms = [],
}: ServerAuthSettings): void {
  const method = methods.find((name) => !METHOD_NAMES.includes(name));
  if (method !== undefined) throw unknown('methods', `authentication method ${method}`);
  const algorithm = algorithms.find((name) => findRow(SIGNATURE_ALGORITHMS, name) === undefined);
  if (algorithm !== undefined) throw unknown('algorithms', `signature algorithm ${algorithm}`);
}

function unknown(option: string, what: string): SshError<'config'> {
  return new SshError('config', `no ${escapeText(what, 128)}`, { option });
}

function rulesOf(options: ServerAuthSettings): ServerAuthRules {
  checkServerAuth(options);
  const { methods = DEFAULT_METHODS, maxFailures = 6, maxRequests = 64 } = options;
  const allowNone = options.allowNone ?? false;
  return { service: 'ssh-connection', methods, allowNone, maxFailures, maxRequests };
}
