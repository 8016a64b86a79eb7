/** A client and a server that log in over a wire in memory, and a client whose messages a spec writes by hand. */
import { firstValueFrom, type Observable, Subscription } from 'rxjs';
import { authenticateClient, type Authenticated } from '../../src/auth/client.ts';
import type { ClientAuthOptions } from '../../src/auth/client-options.ts';
import { authenticateServer, type ServerAuthenticated } from '../../src/auth/server.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import type { UserauthRequest } from '../../src/auth/server-method.ts';
import { toError } from '../../src/errors.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import {
  USERAUTH_CLIENT_MESSAGES,
  USERAUTH_METHOD_MESSAGES,
  USERAUTH_SERVER_MESSAGES,
} from '../../src/messages/userauth.ts';
import type { MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import type { SshTransport } from '../../src/streams/transport.ts';
import type { TransportOptions } from '../../src/streams/transport-options.ts';
import { transportPair } from '../support/transports.ts';

/** What one side's login has come to. */
export type Outcome<T> = { readonly value: T } | { readonly error: Error };

/** What both sides come to. */
export interface Login {
  readonly client: Outcome<Authenticated>;
  readonly server: Outcome<ServerAuthenticated>;
}

/** Runs a login; both transports are let go when both sides have an outcome. */
export async function login(
  client: ClientAuthOptions,
  server: ServerAuthOptions,
  wire: MemoryPairOptions = {},
  transports: {
    readonly client?: Partial<TransportOptions>;
    readonly server?: Partial<TransportOptions>;
  } = {},
  connected: (client: SshTransport) => void = () => undefined,
): Promise<Login> {
  const { client$, server$ } = transportPair(wire, transports.client, transports.server);
  const open = new Subscription();
  const serverOutcome = outcomeOf(
    server$,
    (transport) => authenticateServer(transport, server),
    open,
  );
  const clientOutcome = outcomeOf(
    client$,
    (transport) => {
      connected(transport);
      return authenticateClient(transport, client);
    },
    open,
  );
  const outcome = { client: await clientOutcome, server: await serverOutcome };
  open.unsubscribe();
  return outcome;
}

/** The first word of the authentication; the transport's own error says the same once more. */
function outcomeOf<T>(
  transport$: Observable<SshTransport>,
  authenticate: (transport: SshTransport) => Observable<T>,
  open: Subscription,
): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => resolve({ error: toError(error) });
    open.add(
      transport$.subscribe({
        next: (transport) =>
          open.add(
            authenticate(transport).subscribe({
              next: (value) => resolve({ value }),
              error: failed,
            }),
          ),
        error: () => undefined,
      }),
    );
  });
}

/** A client that says what it is told to, and what the server has answered. */
export interface RawClient {
  readonly transport: SshTransport;
  /** Types of the answers so far. */
  readonly answers: readonly Message[];
  /** What the server's side has come to so far. */
  readonly server: readonly Outcome<ServerAuthenticated>[];
  /** How the client's transport ended, if it has. */
  readonly ended: readonly Error[];
  /** Waits until so many answers are there, or the connection has ended. */
  answered(count: number): Promise<readonly string[]>;
  /** Waits until the connection has ended. */
  closed(): Promise<Error>;
}

/** Runs `body` with a raw client for whom ssh-userauth is accepted. */
export async function withRawClient(
  options: ServerAuthOptions,
  body: (client: RawClient) => Promise<void>,
  server: Partial<TransportOptions> = {},
): Promise<void> {
  const { client$, server$ } = transportPair({}, {}, server);
  const open = new Subscription();
  const outcomes: Outcome<ServerAuthenticated>[] = [];
  open.add(
    server$.subscribe({
      next: (transport) =>
        open.add(
          authenticateServer(transport, options).subscribe({
            next: (value) => outcomes.push({ value }),
            error: (error: unknown) => outcomes.push({ error: toError(error) }),
          }),
        ),
      error: () => undefined,
    }),
  );
  const transport = await new Promise<SshTransport>((resolve, reject) => {
    open.add(client$.subscribe({ next: resolve, error: (e: unknown) => reject(toError(e)) }));
  });
  try {
    await body(await rawClient(transport, outcomes, open));
  } finally {
    open.unsubscribe();
  }
}

async function rawClient(
  transport: SshTransport,
  server: readonly Outcome<ServerAuthenticated>[],
  open: Subscription,
): Promise<RawClient> {
  const answers: Message[] = [];
  const ended: Error[] = [];
  open.add(transport.upper$.subscribe(({ message }) => message && answers.push(message)));
  open.add(transport.closed$.subscribe((error) => ended.push(error)));
  const accepted = firstValueFrom(transport.service$);
  transport.expectService();
  transport.send({ type: 'SERVICE_REQUEST', serviceName: 'ssh-userauth' });
  await accepted;
  const rows = [...USERAUTH_CLIENT_MESSAGES, ...USERAUTH_METHOD_MESSAGES.publickey];
  transport.enterPhase('userauth', rows);
  const answered = async (count: number): Promise<readonly string[]> => {
    await until(() => answers.length >= count || ended.length > 0);
    return answers.map(({ type }) => type);
  };
  const closed = async (): Promise<Error> => {
    await until(() => ended.length > 0);
    return ended[0] ?? new Error('still open');
  };
  return { transport, answers, server, ended, answered, closed };
}

/** A server that answers what a spec tells it to, and the client that it has to do with. */
export interface RawServer {
  readonly transport: SshTransport;
  /** What the client has sent so far. */
  readonly requests: readonly UserauthRequest[];
  /** What the client's side has come to so far. */
  readonly client: readonly Outcome<Authenticated>[];
  /** How the server's transport ended, if it has. */
  readonly ended: readonly Error[];
  /** Calls the client's login off, and leaves its transport alone. */
  callOff(): void;
}

/** Answers the nth request of a client, from 1. */
export type Answer = (request: UserauthRequest, count: number) => readonly Message[];

/** Runs `body` with a client that logs in at a raw server which answers like `answer`. */
export async function withRawServer(
  options: ClientAuthOptions,
  answer: Answer,
  body: (server: RawServer) => Promise<void>,
  transports: Partial<TransportOptions> = {},
  beforeService: readonly Message[] = [],
): Promise<void> {
  const { client$, server$ } = transportPair({}, {}, transports);
  const open = new Subscription();
  const outcomes: Outcome<Authenticated>[] = [];
  const login = new Subscription();
  open.add(login);
  open.add(
    client$.subscribe({
      next: (transport) =>
        login.add(
          authenticateClient(transport, options).subscribe({
            next: (value) => outcomes.push({ value }),
            error: (error: unknown) => outcomes.push({ error: toError(error) }),
          }),
        ),
      error: () => undefined,
    }),
  );
  const requests: UserauthRequest[] = [];
  const ended: Error[] = [];
  const transport = await new Promise<SshTransport>((resolve) => {
    open.add(
      server$.subscribe({
        next: (server) => {
          scriptServer(server, answer, requests, open, beforeService);
          open.add(server.closed$.subscribe((error) => ended.push(error)));
          resolve(server);
        },
        error: () => undefined,
      }),
    );
  });
  const callOff = (): void => login.unsubscribe();
  try {
    await body({ transport, requests, client: outcomes, ended, callOff });
  } finally {
    open.unsubscribe();
  }
}

function scriptServer(
  server: SshTransport,
  answer: Answer,
  requests: UserauthRequest[],
  open: Subscription,
  beforeService: readonly Message[],
): void {
  open.add(
    server.service$.subscribe((serviceName) => {
      server.enterPhase('userauth', USERAUTH_SERVER_MESSAGES);
      for (const message of beforeService) server.send(message);
      server.send({ type: 'SERVICE_ACCEPT', serviceName });
    }),
  );
  open.add(
    server.upper$.subscribe(({ message }) => {
      if (message?.type !== 'USERAUTH_REQUEST') return;
      requests.push(message);
      for (const each of answer(message, requests.length)) server.send(each);
    }),
  );
  server.expectService();
}

/** Waits until something is so, 5 s at the most. */
export async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !isSo() && Date.now() < end;) await pause();
}

/** A turn of the event loop and a little more. */
export function pause(milliseconds = 2): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
