/** The server's side of the authentication protocol (RFC 4252), run over a transport: carries out what server-state.ts asks for. */
import { Observable, type Subscriber, Subscription } from 'rxjs';
import { randomFraction } from '../crypto/random.ts';
import { defaultNames } from '../crypto/standing.ts';
import { type AuthAttempt, escapeText, protocolError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { MINIMUM_RSA_BITS } from '../keys/public-key.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { USERAUTH_SERVER_MESSAGES } from '../messages/userauth.ts';
import type { InboundMessage } from '../operators/decode.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { asSshError } from '../streams/ending.ts';
import type { SshTransport } from '../streams/transport.ts';
import {
  type AuthAttemptInfo,
  type AuthReport,
  type Credential,
  verdictOf,
  withTouch,
} from './policy.ts';
import { PolicyCall } from './policy-call.ts';
import type { Presented, ServerMethodContext, UserauthRequest } from './server-method.ts';
import type {
  Admitted,
  ServerAuthEffect,
  ServerAuthEvent,
  ServerAuthState,
} from './server-login.ts';
import { METHOD_NAMES, METHODS, rulesOf, type ServerAuthOptions } from './server-options.ts';
import { initialServerAuth, serverAuthReducer } from './server-state.ts';

/** Who has logged in. */
export interface ServerAuthenticated extends Admitted {
  /** What was tried before, in order. */
  readonly attempts: readonly AuthAttempt[];
}

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
      decided: (decision) => {
        const verdict = verdictOf(decision, METHOD_NAMES);
        const isKey = credential.method === 'publickey';
        later({ type: 'verdict', verdict: isKey ? withTouch(verdict, credential) : verdict });
      },
      failed: (reason) => later({ type: 'verdict', verdict: { type: 'deny', reason } }),
      asked: (challenge) => later({ type: 'question', challenge }),
    });
    this.#call = call;
    const attempt: AuthAttemptInfo = {
      ...asked(credential, call),
      user,
      partialSuccesses,
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
    const report = { ...attempt, user: escapeText(user, MAX_SHOWN_USER) };
    const { method, outcome, with: key } = attempt;
    const facts = key === undefined ? {} : { with: key };
    this.#transport.trace?.({ type: 'auth', user: report.user, method, outcome, ...facts });
    this.#options.attempted?.(report);
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
