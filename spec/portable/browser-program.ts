/** What a page does with the portable entry: bundled as it stands here, and run where there is no Node. */
import { firstValueFrom, from, ignoreElements, defaultIfEmpty } from 'rxjs';
import { collect, type CommandResult, open, webDuplex } from '../../src/index.ts';

/** What the page is given. */
export interface Page {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Of the server's host key: `SHA256:…`. */
  readonly fingerprint: string;
  readonly user: string;
  readonly password: string;
  /** Goes to each of the two commands. */
  readonly input: readonly Uint8Array[];
}

/** What came of it. */
export interface Report {
  readonly kex: string;
  readonly cipher: string;
  /** Of the command before new keys, and of the one behind them. */
  readonly results: readonly CommandResult[];
  readonly closedBy: string;
}

/** Logs in, runs a command, changes keys, runs it again, says goodbye. */
export async function visit(page: Page): Promise<Report> {
  const client = await open({
    duplex: webDuplex(page),
    host: 'server.example',
    user: page.user,
    password: page.password,
    hostKeys: { policy: 'pinned', fingerprints: [page.fingerprint] },
  });
  const echo = (): Promise<CommandResult> =>
    firstValueFrom(client.exec('cat', { stdin: from(page.input) }).pipe(collect()));
  const before = await echo();
  await firstValueFrom(client.rekey().pipe(ignoreElements(), defaultIfEmpty(undefined)));
  const behind = await echo();
  const closed = firstValueFrom(client.closed$);
  client.disconnect();
  return {
    kex: client.handshake.algorithms.kex,
    cipher: client.handshake.algorithms.serverToClient.cipher,
    results: [before, behind],
    closedBy: (await closed).kind,
  };
}
