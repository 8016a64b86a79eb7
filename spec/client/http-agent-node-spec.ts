import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, throwError } from 'rxjs';
import { httpAgent } from '../../src/client/http-agent-node.ts';
import { shareClient } from '../../src/client/with-client.ts';
import { SshError } from '../../src/errors.ts';
import { nodeDial } from '../../src/server/forward-node.ts';
import { closeEmbedded, embedded, turn } from '../support/embedded.ts';

let server: Server;
let port = 0;

beforeEach(async () => {
  server = createServer((request, response) => response.end(`you asked for ${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await closeEmbedded();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const bastion = () =>
  embedded(() => NEVER, { server: { forward: { dial: nodeDial({ permit: () => true }) } } });

function ask(agent: ReturnType<typeof httpAgent>, path: string, to = port): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port: to, path, agent },
      (response: IncomingMessage) => {
        let text = '';
        response.setEncoding('utf8').on('data', (more: string) => (text += more));
        response.once('end', () => resolve(text)).once('error', reject);
      },
    );
    request.once('error', reject);
  });
}

describe('httpAgent', () => {
  it('asks through the client, and lets it go behind the answer', async () => {
    const { client$, types } = bastion();
    const agent = httpAgent(client$.pipe(shareClient()));
    expect(await Promise.all(['/a', '/b', '/c'].map((path) => ask(agent, path)))).toEqual([
      'you asked for /a',
      'you asked for /b',
      'you asked for /c',
    ]);
    expect(types().filter((type) => type === 'authenticated').length).toBe(1);
    while (!types().includes('closed')) await turn();
  });

  it('keeps connections when it is told to, until it is destroyed', async () => {
    const { client$, types } = bastion();
    let connections = 0;
    server.on('connection', () => connections++);
    const agent = httpAgent(client$, { keepAlive: true });
    for (const path of ['/a', '/b', '/c'])
      expect(await ask(agent, path)).toBe(`you asked for ${path}`);
    expect(connections).toBe(1);
    expect(types()).not.toContain('closed');
    agent.destroy();
    while (!types().includes('closed')) await turn();
  });

  it('has a request fail whose connection cannot be made', async () => {
    const refused = httpAgent(bastion().client$);
    await expect(ask(refused, '/', 1)).rejects.toMatchObject({ kind: 'channel-open' });
    const lost = httpAgent(throwError(() => new SshError('connection-lost', 'gone', {})));
    await expect(ask(lost, '/')).rejects.toMatchObject({ kind: 'connection-lost' });
    await expect(ask(httpAgent(EMPTY), '/')).rejects.toThrow('no client');
  });

  it('has a request fail whose connection is lost', async () => {
    const { client$, ends } = bastion();
    server.removeAllListeners('request').on('request', () => ends[0]?.destroy());
    await expect(ask(httpAgent(client$), '/')).rejects.toThrow();
  });
});
