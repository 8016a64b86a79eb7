/** Servers that are programs of ours on somebody else's SSH: each prints `listening on PORT` when it is up. */
import { knownHostsLines, type Peer, type peerFolder, type Running } from './peer.ts';

/** What is known of a server before it is up. */
type Facts = Pick<Peer, 'name' | 'user' | 'identityFiles' | 'hostKeys'> & {
  readonly password: string;
};

/** Waits until it listens. Whatever goes wrong, the program ends and the folder is removed. */
export async function listeningPeer(
  running: Running,
  folder: ReturnType<typeof peerFolder>,
  facts: Facts,
): Promise<Peer> {
  const stop = async (): Promise<void> => {
    await running.stop();
    folder.remove();
  };
  try {
    const [, port] = await running.logged(/^listening on (\d+)$/m);
    const address = { host: '127.0.0.1', port: Number(port) };
    return {
      ...{ ...facts, ...address, knownHostsLines: knownHostsLines(address, facts.hostKeys) },
      ...{ log: () => running.log(), stop },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
