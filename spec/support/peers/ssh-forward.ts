/** A real client that forwards, and runs nothing, until it is stopped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Client, withKey } from './clients.ts';
import { type Peer, peerFolder } from './peer.ts';

/** A client at work. */
export interface ForwardingClient {
  /** What it has said so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts it. `more` is what it is told besides where to. */
export function startForwarding(
  client: Client,
  to: Peer,
  more: readonly string[],
): ForwardingClient {
  const folder = peerFolder();
  const [program = '', ...line] = client.commandLine(withKey(to), '', { more }, folder.file);
  const env = { ...process.env, ...client.env?.(withKey(to), folder.file) };
  delete env['SSH_AUTH_SOCK'];
  // no command behind the host
  const child = spawn(program, line.slice(0, -1), { env, detached: true });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  const closed = once(child, 'close');
  return {
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      await closed;
      folder.remove();
    },
  };
}
