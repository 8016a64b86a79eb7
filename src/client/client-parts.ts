/** What a client is made of. */
import type { Observable } from 'rxjs';
import type { Authenticated } from '../auth/client.ts';
import type { ConnectionOptions } from '../channels/connection.ts';
import type { KeepaliveOptions } from '../channels/keepalive.ts';
import type { LocalFiles } from '../sftp/transfer/local-files.ts';
import type { SshTransport } from '../streams/transport.ts';
import type { HandshakeTimings } from '../streams/transport-options.ts';

/** How long the way to a logged-in client took, in milliseconds, by a clock that nobody sets. */
export interface ConnectTimings extends HandshakeTimings {
  /** To the duplex: names, addresses, hosts in between; nothing where it was there already. */
  readonly dial: number;
  /** From the first keys to the login, questions to a person included. */
  readonly login: number;
}

/** What a client is made of. */
export interface ClientParts {
  readonly transport: SshTransport;
  readonly login: Authenticated;
  readonly host: string;
  readonly connection: ConnectionOptions;
  readonly timings: ConnectTimings;
  readonly keepalive?: Partial<KeepaliveOptions>;
  readonly banner$: Observable<string>;
  readonly localFiles?: LocalFiles | undefined;
}
