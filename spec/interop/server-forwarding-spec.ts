/** What client libraries forward over our server: paramiko, AsyncSSH and npm ssh2. */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from '@jest/globals';
import { Client as Ssh2Client, type ClientChannel } from 'ssh2';
import { nodeDial, nodeListen } from '../../src/node.ts';
import { dialSocks, digestOfEcho } from '../support/forwardings.ts';
import { digestOfPattern } from '../support/peers/ours.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import {
  describeWithPeer,
  pythonScript,
  type Running,
  startProgram,
  usePeer,
} from '../support/peers/peer.ts';
import { knownHostsFile, withKey } from '../support/peers/clients.ts';
import { closeSockets, dialSocket, echo, say, serveSockets } from '../support/tcp.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const MIB = 1024 * 1024;
const AMOUNT = 5 * MIB;

const programs: Running[] = [];

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop()));
  await closeSockets();
});
const inFolder = useTempFolder();

const server = () =>
  startOurServer({
    forward: {
      dial: nodeDial({ permit: () => true }),
      listen: nodeListen({ permit: () => true }),
    },
  });

/** Runs one of our Python scripts until the end of the test. */
function python(script: string, to: OurServer, more: object): Running {
  const { identityFile, ...destination } = withKey(to);
  const options = {
    ...{ ...destination, identity: identityFile, ...more },
    knownHosts: knownHostsFile(withKey(to), inFolder),
  };
  const running = startProgram(pythonScript(script, JSON.stringify(options)));
  programs.push(running);
  return running;
}

async function expectEcho(at: number | string): Promise<void> {
  expect(await digestOfEcho(await dialSocket(at), AMOUNT)).toEqual(digestOfPattern(AMOUNT));
}

describeWithPeer('paramiko', 'paramiko over our server', () => {
  const peer = usePeer(server);

  it('opens a direct-tcpip channel, and has a port listen', async () => {
    const target = await serveSockets(echo);
    const client = python('paramiko-forward.py', peer(), { target });
    expect((await client.logged(/direct (\w+)/))[1]).toBe('whole');
    const [, at] = await client.logged(/remote (\d+)/);
    expect(await say(Number(at), 'x'.repeat(300_000))).toBe('x'.repeat(300_000));
  });
});

describeWithPeer('asyncssh', 'AsyncSSH over our server', () => {
  const peer = usePeer(server);

  it('leads through ports, sockets and SOCKS, both ways round', async () => {
    const target = await serveSockets(echo);
    await serveSockets(echo, inFolder('target'));
    const client = python('asyncssh-forward.py', peer(), {
      ...{
        target,
        targetPath: inFolder('target'),
        here: inFolder('here'),
        there: inFolder('there'),
      },
    });
    await client.logged(/^paths/m);
    const [, local] = await client.logged(/local (\d+)/);
    const [, remote] = await client.logged(/remote (\d+)/);
    const [, socks] = await client.logged(/socks (\d+)/);
    for (const at of [Number(local), Number(remote), inFolder('here'), inFolder('there')])
      await expectEcho(at);
    const digest = await digestOfEcho(await dialSocks(Number(socks), target), AMOUNT);
    expect(digest).toEqual(digestOfPattern(AMOUNT));
  });
});

describeWithPeer('npm', 'npm ssh2 over our server', () => {
  const peer = usePeer(server);

  async function connected(): Promise<Ssh2Client> {
    const { host, port, user, identityFiles } = peer();
    const client = new Ssh2Client();
    const ready = once(client, 'ready');
    client.connect({
      host,
      port,
      username: user,
      privateKey: readFileSync(identityFiles[0] ?? ''),
      // it asks only OpenSSH for unix sockets, by default
      strictVendor: false,
    });
    await ready;
    return client;
  }

  /** What comes back through an echo; it loses what crosses its own end, so that comes last. */
  async function echoed(channel: Duplex, text: string): Promise<string> {
    let heard = '';
    channel.setEncoding('utf8').on('data', (more: string) => (heard += more));
    channel.write(text);
    while (heard.length < text.length) await once(channel, 'data');
    channel.end();
    return heard;
  }

  const opened = (
    open: (answer: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ClientChannel> =>
    new Promise((resolve, reject) => {
      open((error, channel) => (error === undefined ? resolve(channel) : reject(error)));
    });

  const bound = (
    ask: (answer: (error: Error | undefined, port: number) => void) => void,
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      ask((error, port) => (error === undefined ? resolve(port) : reject(error)));
    });

  const done = (ask: (answer: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      ask((error) => (error === undefined || error === null ? resolve() : reject(error)));
    });

  it('leads out to ports and sockets', async () => {
    const client = await connected();
    try {
      const port = await serveSockets(echo);
      const path = inFolder('target');
      await serveSockets(echo, path);
      const text = 'x'.repeat(MIB);
      const tcp = await opened((answer) =>
        client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, answer),
      );
      expect(await echoed(tcp, text)).toBe(text);
      const unix = await opened((answer) => client.openssh_forwardOutStreamLocal(path, answer));
      expect(await echoed(unix, text)).toBe(text);
    } finally {
      client.end();
    }
  });

  it('has ports and sockets listen, and takes them back', async () => {
    const client = await connected();
    const echoes = (_details: unknown, accept: () => Duplex): void => {
      const channel = accept();
      channel.pipe(channel);
    };
    client.on('tcp connection', echoes).on('unix connection', echoes);
    try {
      const at = await bound((answer) => client.forwardIn('127.0.0.1', 0, answer));
      expect(await say(at, 'hello')).toBe('hello');
      const path = inFolder('there');
      await done((answer) => client.openssh_forwardInStreamLocal(path, answer));
      expect(await say(path, 'hello')).toBe('hello');
      await done((answer) => client.unforwardIn('127.0.0.1', at, answer));
      await done((answer) => client.openssh_unforwardInStreamLocal(path, answer));
      for (const gone of [at, path]) await expect(dialSocket(gone)).rejects.toThrow();
    } finally {
      client.end();
    }
  });
});
