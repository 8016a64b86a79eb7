/** Dropbear's server. It reads ~/.ssh/authorized_keys, so it needs the made account, and with that root. */
import { execFileSync } from 'node:child_process';
import { testAccount } from './account.ts';
import {
  accepting,
  freePort,
  knownHostsLines,
  type Peer,
  peerFolder,
  programFile,
  startProgram,
} from './peer.ts';

const HOST_KEYS = [
  ['ed25519'],
  ['ecdsa', '-s', '256'],
  ['ecdsa', '-s', '384'],
  ['ecdsa', '-s', '521'],
  ['rsa', '-s', '2048'],
] as const;

/** One host key of each type. Of two of one family Dropbear keeps the last, so ECDSA needs a choice. */
export async function startDropbear(
  ecdsaBits: '256' | '384' | '521' = '256',
  { forwards = false }: { readonly forwards?: boolean } = {},
): Promise<Peer> {
  const { user, password, identityFile } = testAccount();
  if (password === undefined || identityFile === undefined) {
    throw new Error('Dropbear needs the test account: run as root');
  }
  const folder = peerFolder();
  try {
    const hostKeys = new Map<string, string>();
    const arguments_: string[] = [];
    for (const [type, ...size] of HOST_KEYS) {
      if (type === 'ecdsa' && size[1] !== ecdsaBits) continue;
      const file = folder.file(`host-${type}`);
      const line = publicLineOf(
        execFileSync('dropbearkey', ['-t', type, ...size, '-f', file], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
      hostKeys.set(line.split(' ', 1)[0] ?? '', line);
      arguments_.push('-r', file);
    }
    const port = await freePort();
    // Foreground, log to stderr, no forwarding unless it is asked for, no pid file of the system's.
    const running = startProgram([
      ...[programFile('dropbear') ?? 'dropbear', '-F', '-E', '-P', folder.file('pid')],
      ...(forwards ? [] : ['-j', '-k']),
      ...['-p', `127.0.0.1:${port}`],
      ...arguments_,
    ]);
    await accepting(port, () => running.log());
    const address = { host: '127.0.0.1', port };
    return {
      ...{ name: 'Dropbear', ...address, user, password, hostKeys },
      identityFiles: [identityFile],
      knownHostsLines: knownHostsLines(address, hostKeys),
      log: () => running.log(),
      stop: async () => {
        await running.stop();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

function publicLineOf(output: string): string {
  const line = output.split('\n').find((text) => /^(ssh|ecdsa)-/.test(text)) ?? '';
  return line.split(' ').slice(0, 2).join(' ');
}
