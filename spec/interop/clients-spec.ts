/** Real clients against our server, with real processes behind it. */
import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { CLIENTS, runClient, withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';

const MIB = 1024 * 1024;

/** Bytes of which no two blocks are alike. */
function noise(length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  let value = 1;
  for (let at = 0; at < words.length; at++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = value;
  }
  return new Uint8Array(words.buffer);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const client of CLIENTS) {
  describeWithPeer(client.peer, `${client.name} against our server`, () => {
    const server = usePeer(() => startOurServer());

    it('runs a command', async () => {
      const run = await runClient(client, withKey(server()), 'cat; echo err >&2; exit 7', {
        stdin: Buffer.from('hello'),
      });
      expect({ ...run, stdout: run.stdout.toString() }).toMatchObject({
        status: 7,
        stdout: 'hello',
        stderr: expect.stringContaining('err'),
      });
    });

    it('sends and receives 20 MiB', async () => {
      const stdin = noise(20 * MIB);
      const run = await runClient(client, withKey(server()), 'cat', { stdin });
      expect(run.status).toBe(0);
      expect(sha256(run.stdout)).toBe(sha256(stdin));
    });

    it('logs in by password, and not by another', async () => {
      const { host, port, user, password, knownHostsLines } = server();
      const to = { host, port, user, knownHostsLines };
      const right = await runClient(client, { ...to, password: password ?? '' }, 'echo in');
      expect(right).toMatchObject({ status: 0, stdout: Buffer.from('in\n') });
      const wrong = await runClient(client, { ...to, password: 'wrong' }, 'echo in');
      expect(wrong.stdout.toString()).toBe('');
    });
  });
}
