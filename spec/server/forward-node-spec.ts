/** Row C18: what a client names, and where it leads. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import dns from 'node:dns';
import net from 'node:net';
import { firstValueFrom, from, NEVER } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { SshError } from '../../src/errors.ts';
import { parseIpAddress } from '../../src/wire/ip-address.ts';
import type { ServerConnection } from '../../src/server/connection.ts';
import { nodeDial, nodeListen } from '../../src/server/forward-node.ts';
import { permitEndpoints } from '../../src/server/permit.ts';
import { closeEmbedded, connected, embedded } from '../support/embedded.ts';
import { closeSockets, echo, serveSockets } from '../support/tcp.ts';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeEmbedded();
  await closeSockets();
});

/** What the policy has judged. */
let judged: string[] = [];

/** Nothing of this machine is permitted, by whatever name. */
const notHere = nodeDial({
  permit: (_to, address) => {
    judged.push(address ?? 'a socket');
    const [first] = parseIpAddress(address ?? '') ?? [127];
    return first !== 127 && first !== 0;
  },
});

function client(dial = notHere): Promise<SshClient> {
  judged = [];
  return connected(embedded(() => NEVER, { server: { forward: { dial } } }).client$);
}

/** The names that the resolver gives, one after the other. */
function resolving(...answers: readonly string[]): string[] {
  const dialled: string[] = [];
  const { connect } = net;
  let asked = 0;
  jest.spyOn(net, 'connect').mockImplementation(((options: net.TcpNetConnectOpts) => {
    dialled.push(options.host ?? '');
    return connect({ ...options, host: '127.0.0.1' });
  }) as never);
  jest.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    _options: unknown,
    done: unknown,
  ) => {
    const address = answers[Math.min(asked++, answers.length - 1)] ?? '';
    queueMicrotask(() =>
      (done as (error: null, found: unknown) => void)(null, [
        { address, family: net.isIP(address) },
      ]),
    );
  }) as never);
  return dialled;
}

async function refusal(connection: SshClient, host: string, port: number): Promise<number> {
  const error: unknown = await firstValueFrom(connection.dial(host, port)).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SshError)) throw new Error(`${host} was not refused`);
  return (error as SshError<'channel-open'>).detail.reasonCode;
}

describe('nodeDial', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '017700000001',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:127.0.0.1',
    'localhost',
    '0.0.0.0',
  ])('has the policy see the address that %s stands for (C18)', async (host) => {
    const port = await serveSockets(echo);
    const connection = await client();
    expect(await refusal(connection, host, port)).toBe(1);
    for (const address of judged) expect(address).not.toContain('ffff');
    expect(judged.length).toBeGreaterThan(0);
  });

  it('connects to the address that was judged, when a name changes its meaning (C18)', async () => {
    const port = await serveSockets(echo);
    const connection = await client();
    const dialled = resolving('192.0.2.1', '127.0.0.1');
    await firstValueFrom(connection.dial('rebinds.example', port));
    expect([judged, dialled]).toEqual([['192.0.2.1'], ['192.0.2.1']]);
    expect(await refusal(connection, 'rebinds.example', port)).toBe(1);
    expect(dialled).toEqual(['192.0.2.1']);
  });

  it('compares what a client has written with patterns as it is (C18)', async () => {
    const port = await serveSockets(echo);
    const dial = nodeDial({ permit: permitEndpoints(`127.0.0.1:${String(port)}`) });
    const connection = await client(dial);
    await firstValueFrom(connection.dial('127.0.0.1', port));
    for (const host of ['127.1', '0x7f.1', '::ffff:127.0.0.1', 'localhost'])
      expect(await refusal(connection, host, port)).toBe(1);
  });

  it('denies when its policy throws', async () => {
    const connection = await client(
      nodeDial({
        permit: () => {
          throw new Error('out of order');
        },
      }),
    );
    expect(await refusal(connection, '127.0.0.1', await serveSockets(echo))).toBe(1);
    expect(await refusal(connection, 'localhost', await serveSockets(echo))).toBe(1);
  });

  it('takes no promise for consent', async () => {
    const connection = await client(nodeDial({ permit: (() => Promise.resolve(true)) as never }));
    expect(await refusal(connection, '127.0.0.1', await serveSockets(echo))).toBe(1);
    await expect(firstValueFrom(connection.dial({ socketPath: '/x' }))).rejects.toMatchObject({
      detail: { reasonCode: 1 },
    });
  });
});

describe('nodeListen', () => {
  it.each([
    { gatewayPorts: 'no', asked: '', bound: '127.0.0.1' },
    { gatewayPorts: 'no', asked: '::1', bound: '::1' },
    { gatewayPorts: 'yes', asked: '127.0.0.1', bound: '::' },
    { gatewayPorts: 'clientspecified', asked: '127.0.0.1', bound: '127.0.0.1' },
    { gatewayPorts: 'clientspecified', asked: '*', bound: '::' },
  ] as const)(
    'binds $bound when $asked is asked for and gatewayPorts is $gatewayPorts',
    async ({ gatewayPorts, asked, bound }) => {
      const listen = nodeListen({ permit: () => true, gatewayPorts });
      const events = listen({ at: { host: asked, port: 0 } }, {} as ServerConnection);
      if (events === false) throw new Error('it is refused');
      expect(await firstValueFrom(from(events))).toMatchObject({
        type: 'listening',
        at: { host: bound },
      });
    },
  );

  it('denies when its policy throws', async () => {
    const listen = nodeListen({
      permit: () => {
        throw new Error('out of order');
      },
    });
    const { client$ } = embedded(() => NEVER, { server: { forward: { listen } } });
    const connection = await connected(client$);
    await expect(firstValueFrom(connection.listen('', 0))).rejects.toMatchObject({
      kind: 'request-refused',
    });
  });

  it('takes no promise for consent', async () => {
    const listen = nodeListen({ permit: (() => Promise.resolve(true)) as never });
    const { client$ } = embedded(() => NEVER, { server: { forward: { listen } } });
    const connection = await connected(client$);
    await expect(firstValueFrom(connection.listen('', 0))).rejects.toMatchObject({
      kind: 'request-refused',
    });
  });
});
