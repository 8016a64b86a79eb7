/** Forwarding by our client over real servers, and by real clients over ours. */
import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, firstValueFrom, lastValueFrom, NEVER, type Observable, of } from 'rxjs';
import {
  exec,
  forwardLocal,
  forwardRemote,
  httpAgent,
  isSshError,
  nodeDial,
  nodeListen,
  shareClient,
  socksProxy,
  type SshClient,
  text,
} from '../../src/node.ts';
import {
  type Client,
  dbclient,
  openssh,
  plink,
  runClient,
  withKey,
} from '../support/peers/clients.ts';
import { closeEmbedded, connected, keepOpen } from '../support/embedded.ts';
import { dialSocks, digestOfEcho, runForwarding } from '../support/forwardings.ts';
import { startDropbear } from '../support/peers/dropbear.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { connectTo, digestOfPattern } from '../support/peers/ours.ts';
import {
  describeWithPeer,
  freePort,
  type Peer,
  poll,
  requirePeer,
  usePeer,
} from '../support/peers/peer.ts';
import { type ForwardingClient, startForwarding } from '../support/peers/ssh-forward.ts';
import { startSshd } from '../support/peers/sshd.ts';
import {
  closeSockets,
  dialSocket,
  echo,
  readAll,
  say,
  serveSockets,
  sha256,
} from '../support/tcp.ts';
import { useTempFolder } from '../support/temp-folder.ts';

/** Without curl these are skipped; in CI they fail. */
const withCurl =
  requirePeer('curl') === undefined || process.env['CI'] !== undefined ? it : it.skip;

const DEADLINE_MS = 10_000;
const MIB = 1024 * 1024;

const clients: ForwardingClient[] = [];

afterEach(async () => {
  await closeEmbedded();
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await closeSockets();
});
const inFolder = useTempFolder();

function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4)
    bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
}

/** Sends bytes, ends, and checks what an echo has made of them. */
async function expectEcho(at: number | string, bytes: Buffer): Promise<void> {
  const socket = await dialSocket(at);
  socket.end(bytes);
  expect(sha256(await readAll(socket))).toBe(sha256(bytes));
}

/** One of both sides ends first, and the other goes on. */
async function expectHalfCloses(forward: (port: number) => Promise<number>): Promise<void> {
  const port = await serveSockets((socket) => {
    socket.write('welcome ');
    void readAll(socket).then((all) => socket.end(`${String(all.length)} bytes`));
  });
  const at = await forward(port);
  expect(await say(at, 'x'.repeat(300_000))).toBe('welcome 300000 bytes');
  const talker = await serveSockets((socket) => {
    socket.end('first');
    void readAll(socket).then((all) => heard.push(all.toString()));
  });
  const heard: string[] = [];
  const second = await forward(talker);
  const socket = await dialSocket(second);
  expect((await readAll(socket)).toString()).toBe('first');
  socket.end('last');
  await poll(
    DEADLINE_MS,
    'the target heard nothing',
    () => '',
    () => heard[0],
  );
  expect(heard).toEqual(['last']);
}

async function serveHttp(): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => response.end(`you asked for ${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

function curl(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('curl', ['-sS', '--max-time', '10', ...args]);
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => (out += more));
    child.once('error', reject).once('close', () => resolve(out));
  });
}

function describeForwarding(peer: () => Peer): void {
  const client$ = (): Observable<SshClient> => connectTo(peer());
  const local = (port: number) =>
    forwardLocal({ listen: { port: 0 }, to: { host: '127.0.0.1', port } });
  const remote = (port: number) =>
    forwardRemote({ listen: { port: 0 }, to: { host: '127.0.0.1', port } });

  describe.each([
    ['forwardLocal', local],
    ['forwardRemote', remote],
  ])('%s', (_name, forwarding) => {
    it('carries half-closes both ways', async () => {
      await expectHalfCloses(async (port) => (await runForwarding(client$(), forwarding(port))).at);
    });

    it('carries 20 MiB each way at once', async () => {
      const { at } = await runForwarding(client$(), forwarding(await serveSockets(echo)));
      await expectEcho(at, noise(20 * MIB));
    });

    it('ends one connection when its target refuses, and no other', async () => {
      const port = await freePort();
      const { at, connections } = await runForwarding(client$(), forwarding(port));
      await say(at, 'x').catch(() => '');
      const error = await firstValueFrom(connections[0]!.closed$);
      expect(['connect', 'channel-open']).toContain(error?.kind);
      await serveSockets(echo, undefined, port);
      expect(await say(at, 'hello')).toBe('hello');
    });
  });

  it('has 500 connections at once', async () => {
    const { at } = await runForwarding(client$(), local(await serveSockets(echo)));
    const texts = Array.from({ length: 500 }, (_, i) => `${String(i)} `.repeat(i * 40 + 1));
    expect(await Promise.all(texts.map((each) => say(at, each)))).toEqual(texts);
  });

  withCurl('has curl ask through its SOCKS proxy, by names and addresses', async () => {
    const http = await serveHttp();
    try {
      const { at } = await runForwarding(client$(), socksProxy({ listen: { port: 0 } }));
      const url = `http://localhost:${String(http.port)}/here`;
      for (const kind of ['socks5-hostname', 'socks5', 'socks4', 'socks4a'])
        expect(await curl(`--${kind}`, `127.0.0.1:${String(at)}`, '-4', url)).toBe(
          'you asked for /here',
        );
    } finally {
      http.close();
    }
  });

  it('leads on to another host, whose key is checked, and through that to a third', async () => {
    const first$ = client$();
    const second$ = connectTo(peer(), { via: first$ });
    const third$ = connectTo(peer(), { via: second$ });
    expect(await lastValueFrom(third$.pipe(exec('echo through'), text()))).toBe('through\n');
    const wrong = connectTo({ ...peer(), knownHostsLines: [] }, { via: first$ });
    expect(await lastValueFrom(wrong).catch((error: unknown) => error)).toMatchObject({
      kind: 'host-key',
      detail: { reason: 'unknown' },
    });
  });
}

describeWithPeer('sshd', 'our client over OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd({ config: ['AllowStreamLocalForwarding yes'] }));

  describeForwarding(peer);

  // Dropbear 2022.83 gives no port back before the connection ends
  it('listens on a port that is asked for anew before it was granted, and given back', async () => {
    const client = await connected(connectTo(peer()));
    const [port, target] = [await freePort(), await serveSockets(echo)];
    const forwarding = forwardRemote({ listen: { port }, to: { host: '127.0.0.1', port: target } });
    forwarding(of(client))
      .subscribe({ error: () => undefined })
      .unsubscribe();
    const { at } = await runForwarding(concat(of(client), NEVER), forwarding);
    expect(at).toBe(port);
    expect(await say(port, 'hello')).toBe('hello');
  });

  it('leads to and from unix sockets', async () => {
    const target = inFolder('target');
    const here = inFolder('here');
    await serveSockets(echo, target);
    chmodSync(inFolder(), 0o777);
    chmodSync(target, 0o777);
    const to = { socketPath: target };
    await runForwarding(connectTo(peer()), forwardLocal({ listen: { socketPath: here }, to }));
    expect(await say(here, 'hello')).toBe('hello');
    const there = inFolder('there');
    await runForwarding(connectTo(peer()), forwardRemote({ listen: { socketPath: there }, to }));
    expect(await say(there, 'hello')).toBe('hello');
  });

  it('carries requests of Node through httpAgent', async () => {
    const http = await serveHttp();
    const agent = httpAgent(connectTo(peer()).pipe(shareClient()), { keepAlive: true });
    const ask = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        get({ host: 'localhost', port: http.port, path, agent }, (response) => {
          response.setEncoding('utf8').once('data', resolve).resume();
        }).once('error', reject);
      });
    try {
      for (const path of ['/a', '/b']) expect(await ask(path)).toBe(`you asked for ${path}`);
    } finally {
      agent.destroy();
      http.close();
    }
  });

  it('ends all that stands on a connection that is lost, with one error', async () => {
    const outer$ = connectTo(peer()).pipe(shareClient());
    const { at, connections, failed } = await runForwarding(
      connectTo(peer(), { via: outer$ }),
      forwardLocal({
        listen: { port: 0 },
        to: { host: '127.0.0.1', port: await serveSockets(echo) },
      }),
    );
    const socket = await dialSocket(at);
    socket.write('x');
    const broken = readAll(socket).catch((error: unknown) => error);
    await poll(
      DEADLINE_MS,
      'no byte came',
      () => '',
      () => connections[0]?.bytesReceived === 1 || undefined,
    );
    keepOpen(outer$.pipe(exec('kill -KILL $PPID')).subscribe({ error: () => undefined }));
    expect(isSshError(await failed)).toBe(true);
    expect((await firstValueFrom(connections[0]!.closed$))?.kind).toBe(
      ((await failed) as { kind: string }).kind,
    );
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
  });
});

describeWithPeer('sshd', 'our client over an sshd that lets nothing through', () => {
  const peer = usePeer(() => startSshd({ config: ['DisableForwarding yes'] }));

  it('is refused, typed, and the connection goes on', async () => {
    const client$ = connectTo(peer()).pipe(shareClient({ linger: 100 }));
    const to = { host: '127.0.0.1', port: 1 };
    await expect(
      runForwarding(client$, forwardRemote({ listen: { port: 0 }, to })),
    ).rejects.toMatchObject({
      kind: 'request-refused',
    });
    const { at, connections } = await runForwarding(
      client$,
      forwardLocal({ listen: { port: 0 }, to }),
    );
    await say(at, 'x').catch(() => '');
    expect(await firstValueFrom(connections[0]!.closed$)).toMatchObject({
      kind: 'channel-open',
      detail: { reasonCode: 1 },
    });
    expect(await lastValueFrom(client$.pipe(exec('echo on'), text()))).toBe('on\n');
  });
});

describeWithPeer('dropbear', 'our client over Dropbear', () => {
  describeForwarding(usePeer(() => startDropbear('256', { forwards: true })));
});

const all = {
  forward: {
    dial: nodeDial({ permit: () => true }),
    listen: nodeListen({ permit: () => true }),
  },
};

/** How each client is told to listen here, and to have the server listen. */
const FORWARDING: readonly (readonly [Client, readonly string[]])[] = [
  [openssh, ['-N', '-o', 'ExitOnForwardFailure=yes']],
  [dbclient, ['-N']],
  [plink, ['-N']],
];

for (const [client, quiet] of FORWARDING) {
  describeWithPeer(client.peer, `${client.name} over our server`, () => {
    const server = usePeer(() => startOurServer(all));

    /** Resolves when somebody listens on the port. */
    const forwarding = async (at: number, ...more: readonly string[]): Promise<void> => {
      const started = startForwarding(client, server(), [...quiet, ...more]);
      clients.push(started);
      await poll(
        DEADLINE_MS,
        'nobody listens',
        () => started.log(),
        () =>
          dialSocket(at).then(
            (socket) => {
              socket.destroy();
              return true as const;
            },
            () => undefined,
          ),
      );
    };

    it('leads through -L, whole, with half-closes', async () => {
      const at = await freePort();
      const port = await serveSockets(echo);
      await forwarding(at, '-L', `${String(at)}:127.0.0.1:${String(port)}`);
      await expectEcho(at, noise(20 * MIB));
    });

    // dbclient is no proxy
    if (client !== dbclient)
      it('leads through -D, whole, with half-closes', async () => {
        const at = await freePort();
        const port = await serveSockets(echo);
        await forwarding(at, '-D', String(at));
        const digest = await digestOfEcho(await dialSocks(at, port), 20 * MIB);
        expect(digest).toEqual(digestOfPattern(20 * MIB));
      });

    it('leads through -R, whole, with half-closes', async () => {
      const at = await freePort();
      const port = await serveSockets(echo);
      await forwarding(at, '-R', `${String(at)}:127.0.0.1:${String(port)}`);
      await expectEcho(at, noise(20 * MIB));
    });
  });
}

describeWithPeer('ssh', 'OpenSSH ssh over our server, in detail', () => {
  const server = usePeer(() => startOurServer(all));
  const ssh = (...more: readonly string[]): ForwardingClient => {
    const started = startForwarding(openssh, server(), [...more, '-v']);
    clients.push(started);
    return started;
  };
  const waitFor = (client: ForwardingClient, pattern: RegExp): Promise<RegExpExecArray> =>
    poll(
      DEADLINE_MS,
      `no ${String(pattern)}`,
      () => client.log(),
      () => pattern.exec(client.log()) ?? undefined,
    );

  it('is told the port for -R 0, several times, and carries half-closes', async () => {
    await expectHalfCloses(async (port) => {
      const client = ssh('-N', '-R', `0:127.0.0.1:${String(port)}`);
      const [, at] = await waitFor(client, /Allocated port (\d+)/);
      return Number(at);
    });
  });

  it('leads through unix sockets both ways', async () => {
    const target = inFolder('target');
    await serveSockets(echo, target);
    ssh('-N', '-L', `${inFolder()}/here:${target}`, '-R', `${inFolder()}/there:${target}`);
    for (const name of ['here', 'there']) {
      const path = inFolder(name);
      await poll(
        DEADLINE_MS,
        `no ${name}`,
        () => '',
        () => say(path, 'hello').catch(() => undefined),
      );
      expect(await say(path, 'hello again')).toBe('hello again');
    }
  });

  withCurl('leads through -D', async () => {
    const http = await serveHttp();
    const at = await freePort();
    const client = ssh('-N', '-D', String(at));
    try {
      const text = await poll(
        DEADLINE_MS,
        'no answer',
        () => client.log(),
        async () => {
          const url = `http://localhost:${String(http.port)}/d`;
          const said = await curl('--socks5-hostname', `127.0.0.1:${String(at)}`, url);
          return said.startsWith('you') ? said : undefined;
        },
      );
      expect(text).toBe('you asked for /d');
    } finally {
      http.close();
    }
  });

  it('leads its own streams through -W', async () => {
    const port = await serveSockets(echo);
    const more = ['-W', `127.0.0.1:${String(port)}`];
    const bytes = noise(MIB);
    const { commandLine } = openssh;
    const run = await runClient(
      { ...openssh, commandLine: (...args) => commandLine(...args).slice(0, -1) },
      withKey(server()),
      '',
      { more, stdin: bytes },
    );
    expect(run.status).toBe(0);
    expect(sha256(run.stdout)).toBe(sha256(bytes));
  });

  it('is led through -J to our server by our server', async () => {
    const { host, port, user, identityFiles, knownHostsLines } = server();
    const known = inFolder('known_hosts');
    const config = inFolder('config');
    writeFileSync(known, `${knownHostsLines.join('\n')}\n`);
    // the ssh of the jump is told nothing but the file
    const options = [
      `UserKnownHostsFile ${known}`,
      `IdentityFile ${identityFiles[0] ?? ''}`,
      ...['GlobalKnownHostsFile none', 'BatchMode yes', 'StrictHostKeyChecking yes'],
      ...[`User ${user}`, `Port ${String(port)}`],
    ];
    writeFileSync(config, `${options.join('\n')}\n`);
    const jump = {
      ...openssh,
      commandLine: () => ['ssh', '-F', config, '-J', `${host},${host}`, host, 'echo through'],
    };
    const run = await runClient(jump, withKey(server()), '');
    expect({ status: run.status, stdout: run.stdout.toString() }).toEqual({
      status: 0,
      stdout: 'through\n',
    });
  });

  it('closes its ports when the client has gone', async () => {
    const client = ssh('-N', '-R', '0:127.0.0.1:9');
    const [, at] = await waitFor(client, /Allocated port (\d+)/);
    (await dialSocket(Number(at))).destroy();
    await clients.pop()?.stop();
    await poll(
      DEADLINE_MS,
      'the port stays open',
      () => '',
      () =>
        dialSocket(Number(at)).then(
          (socket) => {
            socket.destroy();
            return undefined;
          },
          () => true as const,
        ),
    );
  });
});

describeWithPeer('ssh', 'OpenSSH ssh over a server of ours that lets nothing through', () => {
  const server = usePeer(() => startOurServer());

  it('is refused', async () => {
    const more = ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9'];
    const run = await runClient(openssh, withKey(server()), 'echo in', { more });
    expect(run.status).toBe(255);
    expect(run.stdout.length).toBe(0);
    expect(run.stderr).toContain('remote port forwarding failed');
  });
});
