import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parsePrivateKey, parsePublicKeyLine } from '../../src/keys/index.ts';
import { useCli } from './cli.ts';

const cli = useCli();

describe('rxssh keygen', () => {
  it('makes an Ed25519 key pair with a comment', async () => {
    const file = cli.file('a');
    const ended = await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-C', 'me@here', '-f', file]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const key = await parsePrivateKey(readFileSync(file));
    const line = parsePublicKeyLine(readFileSync(`${file}.pub`, 'utf8').trimEnd());
    expect(key.publicKey.type).toBe('ssh-ed25519');
    expect(line.publicKey.blob).toEqual(key.publicKey.blob);
    expect([key.comment, line.comment]).toEqual(['me@here', 'me@here']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ended.stdout.toString()).toMatch(/SHA256:\S+ me@here\n$/);
  });

  it('encrypts it with -N, or with RXSSH_PASSPHRASE', async () => {
    const [b, c] = [cli.file('b'), cli.file('c')];
    await cli.run(['keygen', '-N', 'long secret', '-f', b]);
    const ended = await cli.run(['keygen', '-f', c], { env: { RXSSH_PASSPHRASE: 'long secret' } });
    for (const file of [b, c]) {
      const text = readFileSync(file);
      await expect(parsePrivateKey(text)).rejects.toMatchObject({
        detail: { reason: 'passphrase-needed' },
      });
      expect((await parsePrivateKey(text, { passphrase: 'long secret' })).publicKey.type).toBe(
        'ssh-ed25519',
      );
    }
    expect(ended.stdout.toString()).not.toContain('without a passphrase');
    expect(ended.stdout.toString()).not.toContain('long secret');
  });

  it.each(['256', '384', '521'])('makes ECDSA keys of %s bits', async (bits) => {
    const file = cli.file(`ecdsa${bits}`);
    expect(
      (await cli.run(['keygen', '-t', 'ecdsa', '-b', bits, '-N', '', '-f', file, '-q'])).status,
    ).toBe(0);
    expect((await parsePrivateKey(readFileSync(file))).publicKey.type).toBe(
      `ecdsa-sha2-nistp${bits}`,
    );
  });

  it('leaves an existing file alone when nobody can be asked', async () => {
    const file = cli.file('d');
    writeFileSync(file, 'mine');
    const ended = await cli.run(['keygen', '-N', '', '-f', file]);
    expect(ended).toMatchObject({
      status: 2,
      stderr: `rxssh: ${file} exists, and was left as it is\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('fails with 255 where it cannot write', async () => {
    const ended = await cli.run(['keygen', '-N', '', '-f', cli.file('no/folder')]);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('ENOENT');
  });
});
