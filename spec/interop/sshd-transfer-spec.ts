/** Our client against OpenSSH's sshd: much data, with and without new keys in between. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  connectTo,
  type Digest,
  digestOf,
  digestOfPattern,
  patternOf,
  runOn,
} from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, poll, usePeer } from '../support/peers/peer.ts';
import { keyChanges, type SshdOptions, startSshd } from '../support/peers/sshd.ts';

const MIB = 1024 * 1024;
const AMOUNT = 100 * MIB;
const TIMEOUT_MS = 120_000;
const LOG_DEADLINE_MS = 10_000;

const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-ctr', 'chacha20-poly1305@openssh.com'] as const;

describeWithPeer('sshd', 'OpenSSH sshd, 100 MiB', () => {
  let folder = '';
  let expected: Digest;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxssh-spec-'));
    await chmod(folder, 0o755);
    await pipeline(Readable.from(patternOf(AMOUNT)), createWriteStream(join(folder, 'bytes')));
    expected = digestOfPattern(AMOUNT);
  }, TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(CIPHERS)('%s', (cipher) => {
    const peer = usePeer(() => startSshd());
    const algorithms = { cipher: [cipher] };

    it(
      'comes unharmed',
      async () => {
        const client$ = connectTo(peer(), { algorithms });
        await expect(digestOf(client$, ['cat', join(folder, 'bytes')])).resolves.toEqual(expected);
      },
      TIMEOUT_MS,
    );

    it(
      'goes unharmed',
      async () => {
        const stdin = patternOf(AMOUNT);
        const result = await runOn(peer(), 'sha256sum', { stdin }, { algorithms });
        expect(result.stdout.split(' ', 1)).toEqual([expected.sha256]);
      },
      TIMEOUT_MS,
    );
  });

  describe.each<readonly [who: string, options: SshdOptions, rekey: { readonly bytes?: number }]>([
    ['sshd asks', { config: ['RekeyLimit 1M'] }, {}],
    ['we ask', {}, { bytes: MIB }],
    ['both ask', { config: ['RekeyLimit 1M'] }, { bytes: MIB }],
  ])('with new keys every MiB: %s', (_who, options, rekey) => {
    const peer = usePeer(() => startSshd(options));

    it(
      'comes unharmed',
      async () => {
        const client$ = connectTo(peer(), { rekey });
        await expect(digestOf(client$, ['cat', join(folder, 'bytes')])).resolves.toEqual(expected);
        await expectKeyChanges(peer());
      },
      TIMEOUT_MS,
    );

    it(
      'goes unharmed',
      async () => {
        const before = keyChanges(peer());
        const result = await runOn(peer(), 'sha256sum', { stdin: patternOf(AMOUNT) }, { rekey });
        expect(result.stdout.split(' ', 1)).toEqual([expected.sha256]);
        await expectKeyChanges(peer(), before);
      },
      TIMEOUT_MS,
    );

    it(
      'comes and goes at once unharmed',
      async () => {
        const before = keyChanges(peer());
        const client$ = connectTo(peer(), { rekey });
        const stdin = patternOf(AMOUNT);
        await expect(digestOf(client$, 'cat', { stdin })).resolves.toEqual(expected);
        await expectKeyChanges(peer(), before);
      },
      TIMEOUT_MS,
    );
  });
});

/** Fewer than one for each MiB: at each change a window of data may be under way, and counts for the next one. */
async function expectKeyChanges(peer: Peer, before = 0): Promise<void> {
  const wanted = 10;
  await poll(
    LOG_DEADLINE_MS,
    `fewer than ${wanted} key changes`,
    () => `${keyChanges(peer) - before} are in the log`,
    () => (keyChanges(peer) - before >= wanted ? true : undefined),
  );
}
