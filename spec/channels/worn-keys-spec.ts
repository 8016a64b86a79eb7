/** Data waits for new keys when the old ones have carried their share. */
import { afterEach, expect, it } from '@jest/globals';
import { closeScripted, connectionPair } from '../support/scripted.ts';

afterEach(closeScripted);

const CHUNK = 65_536;
const CHUNKS = 80;
const LIMIT = 300_000;

it('sends at most one packet more than the limit under the same keys', async () => {
  const { client } = await connectionPair({
    transport: { rekey: { bytes: LIMIT, packets: 0, milliseconds: 0 } },
    server: {
      channels: {
        session: () => ({ accept: true, opened: (channel) => void channel.stdout$.subscribe() }),
      },
    },
  });
  let rekeyed = 0;
  client.transport.rekeyed$.subscribe(() => rekeyed++);
  const sent = new Promise<void>((resolve, reject) => {
    client.openChannel('session').subscribe({
      next: (channel) => {
        const chunks = Array.from({ length: CHUNKS }, () => new Uint8Array(CHUNK));
        channel.stdin.pump(chunks).subscribe({ complete: resolve, error: reject });
      },
      error: reject,
    });
  });
  await sent;
  const mostUnderOneKey = LIMIT + 2 * 32_768;
  expect(rekeyed).toBeGreaterThanOrEqual(Math.floor((CHUNKS * CHUNK) / mostUnderOneKey) - 1);
});
