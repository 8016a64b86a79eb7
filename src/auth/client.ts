/** The client's side of the authentication protocol (RFC 4252), run over a transport: carries out what client-state.ts asks for. */
import { Observable, type Subscriber, Subscription, take } from 'rxjs';
import { type AuthAttempt, escapeText, isSshError, protocolError, SshError } from '../errors.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { USERAUTH_CLIENT_MESSAGES } from '../messages/userauth.ts';
import type { InboundMessage } from '../operators/decode.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { asSshError, callbackError } from '../streams/ending.ts';
import type { SshTransport } from '../streams/transport.ts';
import { checkClientAuth } from './check-client-auth.ts';
import type {
  ClientMethod,
  ClientMethodContext,
  ClientMethodFactory,
  ClientMove,
} from './client-method.ts';
import type { ClientAuthOptions } from './client-options.ts';
import {
  attemptsAtEnd,
  authError,
  type ClientAuthEffect,
  type ClientAuthEvent,
  clientAuthReducer,
  type ClientAuthState,
  initialClientAuth,
} from './client-state.ts';
import { hostbasedClient } from './methods/hostbased.ts';
import { keyboardInteractiveClient } from './methods/keyboard-interactive.ts';
import { noneClient } from './methods/none.ts';
import { passwordClient } from './methods/password.ts';
import { publicKeyClient } from './methods/publickey.ts';

/** A login that has succeeded. */
export interface Authenticated {
  readonly user: string;
  /** The method whose request the server has granted; `none` when it asks for no authentication at all. */
  readonly method: string;
  /** What that request stood on: a key's type, fingerprint and source. */
  readonly with?: string;
  /** What was tried before, in order. */
  readonly attempts: readonly AuthAttempt[];
}

/** Every method, in the order in which they are tried. */
const METHODS: ReadonlyMap<string, ClientMethodFactory> = new Map<string, ClientMethodFactory>([
  ['none', noneClient],
  ['hostbased', hostbasedClient],
  ['publickey', publicKeyClient],
  ['keyboard-interactive', keyboardInteractiveClient],
  ['password', passwordClient],
]);

const DEFAULT_TIMEOUT = 30_000;
/** What OpenSSH says with PROTOCOL_ERROR. */
const TOO_MANY_FAILURES = /too many authentication failures/i;

/**
 * Logs in to the server of a transport (RFC 4252): asks for the service ssh-userauth, then tries one method after the other.
 *
 * Emits once, within the handling of USERAUTH_SUCCESS: enter the next phase of the transport right there, before its next
 * packet is looked at. Then completes. Nothing is sent before subscription; unsubscribing calls off what is being asked or
 * signed, and leaves the transport as it is.
 *
 * Errors with what has ended the transport: `auth` (every way was tried, or the server has seen tries enough; with all attempts
 * and the methods left), `timeout` (phase `authentication`), `protocol`, or any error of the transport. `config` for a method
 * that there is none of, and for options that are none.
 *
 * @example
 * ```ts
 * authenticateClient(transport, { user: 'deploy', identities: () => agentIdentities(agentSocket()) })
 *   .subscribe(({ method }) => transport.enterPhase('connection', CONNECTION_MESSAGES));
 * ```
 */
export function authenticateClient(
  transport: SshTransport,
  options: ClientAuthOptions,
): Observable<Authenticated> {
  return new Observable((subscriber) => {
    new ClientAuthentication(transport, options, subscriber).start();
  });
}

class ClientAuthentication {
  readonly #transport: SshTransport;
  readonly #options: ClientAuthOptions;
  readonly #service: string;
  readonly #subscriber: Subscriber<Authenticated>;
  readonly #methods: ReadonlyMap<string, ClientMethod>;
  #state: ClientAuthState;
  #method: ClientMethod | undefined;
  #pending = Subscription.EMPTY;
  #deadline = Subscription.EMPTY;

  constructor(
    transport: SshTransport,
    options: ClientAuthOptions,
    subscriber: Subscriber<Authenticated>,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#service = options.service ?? 'ssh-connection';
    this.#subscriber = subscriber;
    const { provider, extensions } = transport;
    const { sessionId } = transport.handshake;
    const lifetime = new Subscription();
    subscriber.add(lifetime);
    checkClientAuth(options);
    this.#methods = methodsFor({
      options,
      service: this.#service,
      sessionId,
      provider,
      extensions,
      lifetime,
    });
    const plans = [...this.#methods.values()];
    this.#state = initialClientAuth(options.user, plans, options.refuseNone);
  }

  start(): void {
    const transport = this.#transport;
    const subscriber = this.#subscriber;
    subscriber.add(() => {
      this.#pending.unsubscribe();
      this.#deadline.unsubscribe();
    });
    subscriber.add(
      transport.service$.subscribe((serviceName) =>
        this.#guard(() => this.#dispatch({ type: 'service-accepted', serviceName })),
      ),
    );
    subscriber.add(
      transport.upper$.subscribe((inbound) => this.#guard(() => this.#receive(inbound))),
    );
    subscriber.add(transport.closed$.subscribe((error) => subscriber.error(this.#endOf(error))));
    // a transport that has ended has told so just now
    if (subscriber.closed) return;
    transport.expectService();
    transport.send({ type: 'SERVICE_REQUEST', serviceName: 'ssh-userauth' });
    this.#awaitAnswer();
  }

  #receive({ message, number }: InboundMessage): void {
    if (message === undefined) throw protocolError(`message ${number} is not expected now`);
    if (message.type !== 'USERAUTH_BANNER') this.#deadline.unsubscribe();
    this.#dispatch({ type: 'message', message });
  }

  #dispatch(event: ClientAuthEvent): void {
    const [state, effects] = clientAuthReducer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ClientAuthEffect): void {
    switch (effect.type) {
      case 'use-method':
        this.#use(effect.method);
        return;
      case 'prepare':
        this.#prepare((method) => method.next());
        return;
      case 'answer':
        this.#prepare((method) => method.answer(effect.message));
        return;
      case 'send':
        this.#send(effect.method, effect.methodData);
        return;
      case 'respond':
        this.#transport.send(effect.message);
        this.#awaitAnswer();
        return;
      case 'banner':
        this.#showBanner(effect.text);
        return;
      case 'attempted':
        this.#report(effect.attempt);
        this.#tellMethod(effect.attempt.outcome);
        return;
      case 'succeed':
        this.#succeed();
        return;
      case 'fail':
        this.#transport.fail(effect.error);
        return;
    }
  }

  #showBanner(text: string): void {
    try {
      this.#options.banner?.(text);
    } catch (thrown) {
      throw callbackError('banner', thrown);
    }
  }

  #tellMethod(outcome: AuthAttempt['outcome']): void {
    if (outcome === 'rejected' || outcome === 'refused-type') this.#method?.refused?.(outcome);
  }

  /** Messages 60 to 79 mean what the method that is being tried says (RFC 4252 §6). */
  #use(name: string): void {
    this.#method = this.#methods.get(name);
    const rows = this.#method?.rows ?? [];
    this.#transport.enterPhase('userauth', [...USERAUTH_CLIENT_MESSAGES, ...rows]);
  }

  /** Has the method at work; the transport goes on meanwhile, and what the server says out of turn is seen. */
  #prepare(ask: (method: ClientMethod) => Observable<ClientMove>): void {
    const method = this.#method;
    if (method === undefined) throw protocolError('no authentication method');
    let event: ClientAuthEvent = { type: 'exhausted' };
    this.#pending = ask(method)
      .pipe(take(1))
      .subscribe({
        next: (move) => (event = move),
        error: (error: unknown) => this.#transport.fail(asSshError(error)),
        complete: () => this.#later(event),
      });
  }

  #later(event: ClientAuthEvent): void {
    this.#transport.run(() => {
      if (!this.#subscriber.closed) this.#dispatch(event);
    });
  }

  #send(methodName: string, methodData: Uint8Array): void {
    this.#transport.send({
      type: 'USERAUTH_REQUEST',
      userName: this.#options.user,
      serviceName: this.#service,
      methodName,
      methodData,
    });
    this.#awaitAnswer();
  }

  #awaitAnswer(): void {
    const { timeout = DEFAULT_TIMEOUT } = this.#options;
    const transport = this.#transport;
    const expire = (): void => {
      // a person may be asked about a host key right now: that takes the time it takes
      if (transport.isGateClosed) this.#awaitAnswer();
      else transport.fail(timeoutError('authentication', timeout));
    };
    this.#deadline.unsubscribe();
    this.#deadline = after(timeout, expire, transport.scheduler);
  }

  #succeed(): void {
    const { user, method, attempts, with: credential } = this.#state;
    const how = credential === undefined ? {} : { with: credential };
    this.#report({ method, outcome: 'accepted', ...how });
    this.#subscriber.next({ user, method, attempts, ...how });
    this.#subscriber.complete();
  }

  /** OpenSSH and others disconnect a client that has tried too often: to its user, that is a failed login and no lost connection. */
  #endOf(error: SshError): SshError {
    if (!isSshError(error, 'disconnect') || error.detail.by !== 'peer') return error;
    const { NO_MORE_AUTH_METHODS_AVAILABLE, PROTOCOL_ERROR } = DisconnectReason;
    const { reasonCode, description } = error.detail;
    // it may be the first one that was one too many
    const wasRejected =
      TOO_MANY_FAILURES.test(description) ||
      this.#state.attempts.some(
        ({ method, outcome }) => outcome === 'rejected' && method !== 'none',
      );
    const isEndOfTries =
      reasonCode === NO_MORE_AUTH_METHODS_AVAILABLE ||
      (reasonCode === PROTOCOL_ERROR && wasRejected);
    if (!isEndOfTries) return error;
    const attempts = attemptsAtEnd(this.#state);
    return authError({ ...this.#state, attempts }, error.message, error);
  }

  #report(attempt: {
    readonly method: string;
    readonly outcome: string;
    readonly with?: string;
  }): void {
    const { method, outcome, with: credential } = attempt;
    const { user } = this.#options;
    const facts = credential === undefined ? {} : { with: credential };
    this.#transport.trace?.({ type: 'auth', user, method, outcome, ...facts });
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

/** The methods that have something to try, in the caller's order. */
function methodsFor(context: ClientMethodContext): ReadonlyMap<string, ClientMethod> {
  const methods = new Map<string, ClientMethod>();
  for (const name of context.options.methods ?? METHODS.keys()) {
    const create = METHODS.get(name);
    if (create === undefined) {
      const text = `no authentication method ${escapeText(name, 64)}`;
      throw new SshError('config', text, { option: 'methods' });
    }
    const method = create(context);
    if (method !== undefined) methods.set(name, method);
  }
  return methods;
}
