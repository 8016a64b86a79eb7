/** HTTP through a client: requests of Node's `http` go to hosts as the server knows them. */
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Observable } from 'rxjs';
import { toError } from '../errors.ts';
import { toNodeDuplex } from '../streams/to-node-duplex-node.ts';
import type { SshClient } from './client.ts';
import { withClient } from './with-client.ts';

type Connected = (error: Error | null, stream?: Duplex) => void;

/**
 * An agent for Node's `http` whose connections are made by the server of an SSH client. Each one subscribes to the source, and keeps
 * it connected as long as it is open: share the client with `shareClient`. A connection that cannot be made is an error of its request.
 * `agent.destroy()` lets go of connections that `keepAlive` has kept.
 *
 * @param client$ - emits a client
 * @param options - as of `http.Agent`
 *
 * @example
 * ```ts
 * const agent = httpAgent(connect('bastion').pipe(shareClient({ linger: 5_000 })));
 * http.get('http://intranet/', { agent }, (response) => response.pipe(process.stdout));
 * ```
 */
export function httpAgent(client$: Observable<SshClient>, options: AgentOptions = {}): Agent {
  return new TunnelAgent(client$, options);
}

class TunnelAgent extends Agent {
  readonly #client$: Observable<SshClient>;

  constructor(client$: Observable<SshClient>, options: AgentOptions) {
    super(options);
    this.#client$ = client$;
  }

  /** Called by `http` for each connection that it needs. */
  override createConnection(
    { host, port, socketPath }: ClientRequestArgs,
    connected: Connected,
  ): undefined {
    const to =
      typeof socketPath === 'string'
        ? { socketPath }
        : { host: host ?? 'localhost', port: Number(port ?? 80) };
    let isConnected = false;
    // once there is a stream, what goes wrong is the stream's to tell
    const failed = (error: unknown): void => {
      if (!isConnected) connected(toError(error));
    };
    const subscription = this.#client$.pipe(withClient((client) => client.dial(to))).subscribe({
      next: (duplex) => {
        isConnected = true;
        const stream = toNodeDuplex(duplex);
        stream.once('close', () => subscription.unsubscribe());
        connected(null, stream);
      },
      error: failed,
      complete: () => failed(new Error('there was no client to connect with')),
    });
    return undefined;
  }

  /** A stream has nothing of what `http` sets for a socket that waits. */
  override keepSocketAlive(): boolean {
    return true;
  }

  override reuseSocket(): void {
    // nor of what it sets back
  }
}
