/** Compression against other software, in both roles: it begins when both think it does, and anew with new keys. */
import { describe, expect, it } from '@jest/globals';
import { stdout, withClient } from '../../src/node.ts';
import { firstValueFrom, map, reduce } from 'rxjs';
import { startDropbear } from '../support/peers/dropbear.ts';
import {
  asyncsshClient,
  type Client,
  type ClientRunOptions,
  dbclient,
  openssh,
  paramikoClient,
  plink,
  runClient,
  withKey,
} from '../support/peers/clients.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import { connectTo, digestOf, digestOfPattern, patternOf } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, type PeerName, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh, startParamiko } from '../support/peers/python-server.ts';
import { startSsh2 } from '../support/peers/ssh2-server.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { echoBySsh2 } from '../support/peers/ssh2-client.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const DELAYED = 'zlib@openssh.com';

interface CompressingServer {
  readonly name: string;
  readonly peer: PeerName;
  start(): Promise<Peer>;
  /** What it has. */
  readonly names: readonly string[];
  /** It goes on with channel messages after its KEXINIT, against RFC 4253 §7.1. */
  readonly talksThroughKeyExchange?: boolean;
}

const both = { algorithms: { compression: [DELAYED, 'zlib', 'none'] } };

const SERVERS: readonly CompressingServer[] = [
  { name: 'OpenSSH sshd', peer: 'sshd', start: () => startSshd(), names: [DELAYED] },
  { name: 'Dropbear', peer: 'dropbear', start: () => startDropbear(), names: [DELAYED] },
  {
    ...{ name: 'paramiko', peer: 'paramiko', names: [DELAYED, 'zlib'] },
    start: () => startParamiko(both),
  },
  {
    ...{ name: 'AsyncSSH', peer: 'asyncssh', names: [DELAYED, 'zlib'] },
    start: () => startAsyncssh(both),
    talksThroughKeyExchange: true,
  },
  {
    ...{ name: 'npm ssh2', peer: 'npm', names: [DELAYED, 'zlib'] },
    start: () => startSsh2({ compress: [DELAYED, 'zlib', 'none'] }),
  },
];

for (const { name, peer: software, start, names, talksThroughKeyExchange = false } of SERVERS) {
  describeWithPeer(software, `${name}, to our client`, () => {
    const peer = usePeer(start);

    it.each(names)(
      'sends and takes 4 MiB under %s, with new keys every MiB',
      async (compression) => {
        const rekey = talksThroughKeyExchange ? {} : { bytes: MIB };
        const client$ = connectTo(peer(), { algorithms: { compression: [compression] }, rekey });
        const agreed: unknown[] = [];
        const digest = await digestOf(
          client$.pipe(
            map((client) => {
              const { clientToServer, serverToClient } = client.handshake.algorithms;
              agreed.push(clientToServer.compression, serverToClient.compression);
              return client;
            }),
          ),
          'cat',
          { stdin: patternOf(4 * MIB) },
        );
        expect(digest).toEqual(digestOfPattern(4 * MIB));
        expect(agreed).toEqual([compression, compression]);
      },
      TIMEOUT_MS,
    );

    it('sends less than it says', async () => {
      const client$ = connectTo(peer(), { algorithms: { compression: `^${DELAYED}` } });
      const [length, received] = await firstValueFrom(
        client$.pipe(
          withClient((client) =>
            client.exec('head -c 4194304 /dev/zero').pipe(
              stdout(),
              reduce((sum, { length: bytes }) => sum + bytes, 0),
              map((sum) => [sum, client.connection.transport.counters.bytesReceived] as const),
            ),
          ),
        ),
      );
      expect(length).toBe(4 * MIB);
      expect(received).toBeLessThan(MIB / 4);
    });
  });
}

interface CompressingClient {
  readonly client: Client;
  readonly names: readonly string[];
  options(compression: string): ClientRunOptions;
}

const CLIENTS: readonly CompressingClient[] = [
  { client: openssh, names: [DELAYED, 'zlib'], options: () => ({ more: ['-C'], rekeyBytes: MIB }) },
  { client: dbclient, names: [DELAYED], options: () => ({}) },
  { client: plink, names: [DELAYED, 'zlib'], options: () => ({ more: ['-C'] }) },
  ...[paramikoClient, asyncsshClient].map((client) => ({
    client,
    names: [DELAYED, 'zlib'],
    options: (compression: string) => ({ algorithms: { compression: [compression] } }),
  })),
];

const SERVER = { algorithms: { compression: ['none', DELAYED, 'zlib'] }, rekey: { bytes: MIB } };

for (const { client, names, options } of CLIENTS) {
  describeWithPeer(client.peer, `${client.name}, to our server`, () => {
    it.each(names)(
      'sends and takes 3 MiB under %s, with new keys every MiB',
      async (compression) => {
        const rekey = client === asyncsshClient ? {} : SERVER.rekey;
        const algorithms = { compression: ['none', compression] };
        const server = await startOurServer({ algorithms, rekey });
        try {
          const stdin = Buffer.concat([...patternOf(3 * MIB)]);
          const run = await runClient(client, withKey(server), 'cat', {
            stdin,
            ...options(compression),
          });
          expect(run).toMatchObject({ status: 0 });
          expect(run.stdout.equals(stdin)).toBe(true);
          expect(agreedBy(server)).toEqual([compression, compression]);
        } finally {
          await server.stop();
        }
      },
      TIMEOUT_MS,
    );
  });
}

describe('npm ssh2, to our server', () => {
  const server = usePeer(() => startOurServer(SERVER));

  it.each([DELAYED, 'zlib'] as const)('has something echoed under %s', async (compression) => {
    const text = await echoBySsh2(server(), { compress: [compression] });
    expect(text).toBe('an echo');
    expect(agreedBy(server())).toEqual([compression, compression]);
  });
});

function agreedBy({ events }: OurServer): readonly string[] {
  const agreed = events.flatMap((event) =>
    event.type === 'handshake' ? [event.handshake.algorithms] : [],
  );
  const { clientToServer, serverToClient } = agreed.at(-1) ?? {};
  return [clientToServer?.compression ?? '', serverToClient?.compression ?? ''];
}
