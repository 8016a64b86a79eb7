/** The demo's hosts: SSH servers in this process, each on a loopback port of its own, that run real child processes, and keep files in memory. */
import { childProcess, listen, listenTcp, memoryFileSystem, sftpServer } from 'rxssh';
import { fingerprint, equalPublicKeys, generatePrivateKey, type PrivateKey } from 'rxssh/keys';
import { serve, type AuthPolicy, type ServeOptions } from 'rxssh/server';
import { filter, ignoreElements, map, mergeMap, type Observable, of, tap } from 'rxjs';

/** What a host is like. */
export interface HostPlan {
  readonly name: string;
  /** Seconds between the steps of the command. */
  readonly pause?: number;
  /** The status that the command ends with. */
  readonly status?: number;
  readonly release?: string;
  readonly refusesLogins?: boolean;
  /** Its connections can be cut. */
  readonly dies?: boolean;
}

/** A host that is up: what a client has to know of it. */
export interface DemoHost {
  readonly name: string;
  readonly port: number;
  readonly hostKey: string;
  /** Destroys its sockets, as a power failure would. */
  readonly die: () => void;
}

/** Starts a host. Emits it once; unsubscribing stops it. */
export function startHost(plan: HostPlan, userKey: PrivateKey): Observable<DemoHost> {
  const hostKey = generatePrivateKey('ed25519', { comment: plan.name });
  const options = serveOptions(plan, hostKey, userKey);
  const print = fingerprint(hostKey.publicKey);
  const up = (port: number, die: () => void): DemoHost => ({
    name: plan.name,
    port,
    hostKey: print,
    die,
  });
  if (plan.dies === true) return mortal(options, up);
  return listen({ ...options, port: 0 }).pipe(
    filter((event) => event.type === 'listening'),
    map(({ port }) => up(port, () => undefined)),
  );
}

/** `listen` takes care of its sockets; who wants to be unkind to them accepts them himself and serves each. */
function mortal(
  options: ServeOptions,
  up: (port: number, die: () => void) => DemoHost,
): Observable<DemoHost> {
  const sockets = new Set<{ destroy(): void }>();
  const die = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return listenTcp({ port: 0 }).pipe(
    mergeMap((event) => {
      if (event.type === 'listening') return of(up(event.port, die));
      sockets.add(event.duplex);
      return serve(event.duplex, options).pipe(
        tap({ finalize: () => sockets.delete(event.duplex) }),
        ignoreElements(),
      );
    }),
  );
}

function serveOptions(plan: HostPlan, hostKey: PrivateKey, userKey: PrivateKey): ServeOptions {
  const { name, pause = 0, status = 0, release = '1.0' } = plan;
  const env = {
    DEMO_HOST: name,
    DEMO_PAUSE: String(pause),
    DEMO_STATUS: String(status),
    DEMO_RELEASE: release,
  };
  const authenticate: AuthPolicy = (attempt) =>
    plan.refusesLogins !== true &&
    attempt.method === 'publickey' &&
    equalPublicKeys(attempt.publicKey, userKey.publicKey);
  return {
    hostKeys: [hostKey],
    authenticate,
    exec: childProcess({ env }),
    subsystems: { sftp: sftpServer(memoryFileSystem()) },
  };
}
