import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NEVER, Observable, of, Subject, Subscription } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { connect, type ConnectOptions } from '../../src/client/connect-node.ts';
import { exec, withClient } from '../../src/client/with-client.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { formatPrivateKey } from '../../src/keys/openssh-private-key.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ServerEvent } from '../../src/server/events.ts';
import { listen, type ListenOptions } from '../../src/server/listen-node.ts';
import { closeEmbedded, keepOpen, respond } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';
import { useDirectory } from '../support/ssh-keygen.ts';
import { hostKey } from '../support/transports.ts';

afterEach(closeEmbedded);
const path = useDirectory();

/** What is not of this file: of whoever runs the specs, and what a spec before it has left for good. */
let foreign: ReadonlyMap<string, number> = new Map();
beforeAll(async () => {
  const timers = resources().get('Timeout') ?? 0;
  await until(() => isPast(new Map([['Timeout', timers]])));
  foreign = resources();
}, 10_000);

/** What keeps a process alive, by its kind. The immediates are those of whoever waits here. */
function resources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo())
    if (name !== 'Immediate' && name !== 'TickObject')
      counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Is there nothing that was not there before? */
function isNothingLeft(before: ReadonlyMap<string, number>): boolean {
  return [...resources()].every(([name, count]) => count <= (before.get(name) ?? 0));
}

/** Has everything that comes and goes gone, but for what is expected to stay? */
function isPast(staying: ReadonlyMap<string, number>): boolean {
  const passing = [
    ...['ProcessWrap', 'TCPSocketWrap', 'GetAddrInfoReqWrap', 'TCPConnectWrap'],
    ...['TCPServerWrap', 'Timeout'],
  ];
  const now = resources();
  return passing.every((name) => (now.get(name) ?? 0) <= (staying.get(name) ?? 0));
}

/** What is there when the tests before have let go of theirs; a server of this test, and one of another, may listen. */
async function baseline(): Promise<ReadonlyMap<string, number>> {
  const servers = (foreign.get('TCPServerWrap') ?? 0) + 2;
  const staying = new Map([...foreign, ['TCPServerWrap', servers]]);
  expect(await until(() => isPast(staying))).toBe(true);
  return resources();
}

/** Waits until something holds; 5 seconds are a failure. */
async function until(holds: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return true;
}

const pinned = { policy: 'pinned', fingerprints: [fingerprint(hostKey.publicKey)] } as const;
const endless: Iterable<Uint8Array> = {
  *[Symbol.iterator](): Generator<Uint8Array> {
    for (;;) yield new Uint8Array(16 * 1024);
  },
};

/** A real server on a port of this machine. */
async function serverOn(
  options: Partial<ListenOptions> = {},
): Promise<{ port: number; events: ServerEvent[] }> {
  const events: ServerEvent[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    keepOpen(
      listen({
        port: 0,
        hostKeys: [hostKey],
        authenticate: () => of(true),
        authentication: { failureDelay: 0 },
        exec: (session, command) => {
          if (command === 'yes') return session.stdout.pump(endless).pipe(exitWith(0));
          return command === 'wait' ? NEVER : respond(session, { stdout: 'x' });
        },
        channels: { 'slow@example.com': () => NEVER },
        ...options,
      }).subscribe({
        next: (event) => {
          events.push(event);
          if (event.type === 'listening') resolve(event.port);
        },
        error: reject,
      }),
    );
  });
  return { port, events };
}

function clientOf(port: number, more: Partial<ConnectOptions> = {}) {
  return connect({
    host: '127.0.0.1',
    port,
    user: 'alice',
    password: 'secret',
    hostKeys: pinned,
    agent: false,
    identityFiles: [],
    knownHostsFiles: [],
    ...more,
  });
}

/** Runs to a moment, unsubscribes there, and looks at what is left. */
async function leaveAt(
  begin: (reached: () => void) => Observable<unknown>,
  events: readonly ServerEvent[] = [],
): Promise<{ isClean: boolean; said: string[] }> {
  const before = await baseline();
  const said: string[] = [];
  const running = new Subscription();
  let hasLeft = false;
  await new Promise<void>((resolve) => {
    const reached = (): void => {
      hasLeft = true;
      running.unsubscribe();
      resolve();
    };
    running.add(
      begin(reached).subscribe({
        next: () => hasLeft && said.push('value'),
        error: (error: unknown) => {
          said.push(String(comparable(error)));
          resolve();
        },
        complete: () => {
          said.push('complete');
          resolve();
        },
      }),
    );
  });
  const isGone = await until(() => isNothingLeft(before));
  const count = (type: ServerEvent['type']): number =>
    events.filter((event) => event.type === type).length;
  const isServerDone = await until(() => count('connection') === count('closed'));
  return { isClean: isGone && isServerDone, said };
}

const CLEAN = { isClean: true, said: [] };

describe('X20: unsubscribing leaves nothing open and says nothing', () => {
  it('while dialling', async () => {
    const { port, events } = await serverOn();
    const dialling = (reached: () => void): Observable<unknown> => {
      setImmediate(reached);
      return clientOf(port);
    };
    expect(await leaveAt(dialling, events)).toEqual(CLEAN);
    const atOnce = (reached: () => void): Observable<unknown> => {
      queueMicrotask(reached);
      return clientOf(port);
    };
    expect(await leaveAt(atOnce, events)).toEqual(CLEAN);
    // a name has to be looked up first
    const naming = (reached: () => void): Observable<unknown> => {
      queueMicrotask(reached);
      return clientOf(port, { host: 'localhost' });
    };
    expect(await leaveAt(naming, events)).toEqual(CLEAN);
  });

  describe('while the server', () => {
    let silent: Server;
    let accepted: Subject<void>;

    beforeEach(async () => {
      accepted = new Subject();
      silent = createServer((socket) => {
        socket.on('error', () => undefined).on('end', () => socket.end());
        socket.resume();
        accepted.next();
      });
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => new Promise((resolve) => silent.close(resolve)));

    it('says nothing at all', async () => {
      const { port } = silent.address() as { port: number };
      const handshake = (reached: () => void): Observable<unknown> => {
        keepOpen(accepted.subscribe(reached));
        return clientOf(port);
      };
      expect(await leaveAt(handshake)).toEqual(CLEAN);
    });
  });

  it('while somebody is asked about the host key', async () => {
    const { port, events } = await serverOn();
    const verdict = new Subject<boolean>();
    const asking = (reached: () => void): Observable<unknown> =>
      clientOf(port, {
        hostKeys: {
          policy: 'ask',
          ask: () => {
            setImmediate(reached);
            return verdict;
          },
        },
      });
    expect([await leaveAt(asking, events), verdict.observed]).toEqual([CLEAN, false]);
  });

  it('while somebody is asked for a password', async () => {
    const { port, events } = await serverOn();
    const password = new Subject<string>();
    const asking = (reached: () => void): Observable<unknown> =>
      clientOf(port, {
        password: () => {
          setImmediate(reached);
          return password;
        },
      });
    expect([await leaveAt(asking, events), password.observed]).toEqual([CLEAN, false]);
  });

  it('while somebody is asked for the passphrase of a key', async () => {
    const { port, events } = await serverOn();
    const locked = await formatPrivateKey(generatePrivateKey('ed25519'), {
      passphrase: 'open sesame',
      rounds: 1,
    });
    writeFileSync(path('locked'), locked, { mode: 0o600 });
    const passphrase = new Subject<string>();
    const asking = (reached: () => void): Observable<unknown> =>
      clientOf(port, {
        identityFiles: [path('locked')],
        passphrase: () => {
          setImmediate(reached);
          return passphrase;
        },
      });
    expect([await leaveAt(asking, events), passphrase.observed]).toEqual([CLEAN, false]);
  });

  it('while the server decides over the login', async () => {
    const decision = new Subject<boolean>();
    const attempted = new Subject<void>();
    const { port, events } = await serverOn({
      authenticate: () => {
        setImmediate(() => attempted.next());
        return decision;
      },
    });
    const login = (reached: () => void): Observable<unknown> => {
      keepOpen(attempted.subscribe(reached));
      return clientOf(port);
    };
    expect([await leaveAt(login, events), decision.observed]).toEqual([CLEAN, false]);
  });

  it('while a channel is being opened', async () => {
    const { port, events } = await serverOn();
    const opening = (reached: () => void): Observable<unknown> =>
      clientOf(port).pipe(
        withClient((client) => {
          setImmediate(reached);
          return client.openChannel('slow@example.com');
        }),
      );
    expect(await leaveAt(opening, events)).toEqual(CLEAN);
  });

  it('while a command runs, and it hears of it', async () => {
    const signals: string[] = [];
    const { port, events } = await serverOn({
      exec: (session) => {
        keepOpen(session.signals$.subscribe((name) => signals.push(name)));
        return NEVER;
      },
    });
    const running = (reached: () => void): Observable<unknown> => {
      void until(() => events.some(({ type }) => type === 'exec')).then(reached);
      return clientOf(port).pipe(exec('wait'));
    };
    expect(await leaveAt(running, events)).toEqual(CLEAN);
    expect(signals).toEqual(['TERM']);
  });

  it('in the middle of output, and of input', async () => {
    const { port, events } = await serverOn();
    const reading = (reached: () => void): Observable<unknown> => {
      const events$ = clientOf(port).pipe(exec('yes', { stdin: endless }));
      let count = 0;
      return new Observable((out) =>
        events$.subscribe({
          next: (event) => {
            if (++count === 20) reached();
            else if (count < 20) out.next(event);
          },
          error: (error: unknown) => out.error(error),
        }),
      );
    };
    expect(await leaveAt(reading, events)).toEqual(CLEAN);
  });

  it('while new keys are exchanged', async () => {
    const { port, events } = await serverOn();
    const rekeying = (reached: () => void): Observable<unknown> =>
      clientOf(port).pipe(
        withClient((client) => {
          setImmediate(reached);
          return client.rekey();
        }),
      );
    const { isClean, said } = await leaveAt(rekeying, events);
    expect([isClean, said.length <= 1]).toEqual([true, true]);
  });

  it('when the command has just ended', async () => {
    const { port, events } = await serverOn();
    const finishing = (reached: () => void): Observable<unknown> => {
      const events$ = clientOf(port).pipe(exec('x'));
      return new Observable((out) =>
        events$.subscribe({
          next: (event) => (event.type === 'exit' ? reached() : undefined),
          error: (error: unknown) => out.error(error),
        }),
      );
    };
    expect(await leaveAt(finishing, events)).toEqual(CLEAN);
  });

  it('and nothing is left when it has ended by itself', async () => {
    const { port, events } = await serverOn();
    const ending = (): Observable<unknown> => clientOf(port).pipe(exec('x'));
    expect(await leaveAt(ending, events)).toEqual({ isClean: true, said: ['complete'] });
  });
});

describe('a connection that is lost', () => {
  it('errors each of its streams once, with the same cause, and leaves nothing open', async () => {
    const { port, events } = await serverOn();
    const before = await baseline();
    const seen: unknown[] = [];
    const note = { next: () => undefined, error: (error: unknown) => seen.push(error) };
    const client = await new Promise<SshClient>((resolve) => {
      keepOpen(clientOf(port).subscribe({ ...note, next: resolve }));
    });
    for (const command of ['wait', 'wait', 'yes']) keepOpen(client.exec(command).subscribe(note));
    keepOpen(client.openChannel('slow@example.com').subscribe(note));
    await until(() => events.filter(({ type }) => type === 'exec').length === 3);
    const served = events.find((event) => event.type === 'authenticated');
    served?.connection.disconnect('going down');
    expect(await until(() => seen.length === 5)).toBe(true);
    const [connection, ...others] = seen;
    expect(comparable(connection)).toBe('SshError disconnect');
    // errors of commands are not to be retried: they may have run
    expect(
      others.every((error) => error === connection || (error as Error).cause === connection),
    ).toBe(true);
    expect(await until(() => isNothingLeft(before))).toBe(true);
    expect(seen).toHaveLength(5);
  });
});
