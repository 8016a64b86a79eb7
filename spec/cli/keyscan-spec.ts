/** `rxssh keyscan` against a real sshd, beside ssh-keyscan. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { useCli } from './cli.ts';

const cli = useCli();

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

describeWithPeer('sshd', 'rxssh keyscan', () => {
  const sshd = usePeer(() => startSshd());

  it('prints what ssh-keyscan prints', async () => {
    const { host, port } = sshd();
    const ended = await cli.run(['keyscan', '-p', String(port), host]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const theirs = execFileSync('ssh-keyscan', ['-p', String(port), host], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(lines(ended.stdout.toString())).toEqual(lines(theirs));
  });

  it('prints keys of the types that are asked for, with hashed names that ssh-keygen finds', async () => {
    const { host, port } = sshd();
    const ended = await cli.run(['keyscan', '-H', '-t', 'ed25519', `${host}:${String(port)}`]);
    const printed = lines(ended.stdout.toString());
    expect(printed).toHaveLength(1);
    expect(printed[0]).not.toContain(host);
    const file = cli.file('scanned');
    writeFileSync(file, ended.stdout);
    const name = `[${host}]:${String(port)}`;
    expect(execFileSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' })).toContain(
      'ssh-ed25519',
    );
  });

  it('goes on behind a host that does not answer, and says so', async () => {
    const { host, port } = sshd();
    const words = ['keyscan', '-t', 'ed25519', '127.0.0.1:1', `${host}:${String(port)}`];
    const ended = await cli.run(words);
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('127.0.0.1') });
    expect(lines(ended.stdout.toString())).toHaveLength(1);
    expect(await cli.run([...words, '-q'])).toMatchObject({ status: 1, stderr: '' });
  });
});

describe('rxssh keyscan', () => {
  const server = usePeer(() => startOurServer({ algorithms: { hostKey: ['ssh-rsa'] } }));
  const other = usePeer(() =>
    startOurServer({ algorithms: { kex: ['diffie-hellman-group1-sha1'] } }),
  );

  it('prints the RSA key of a server that signs with SHA-1 only, and none of other types', async () => {
    const { host, port } = server();
    const ended = await cli.run(['keyscan', '-p', String(port), host]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(lines(ended.stdout.toString())).toEqual([
      expect.stringContaining(`[${host}]:${String(port)} ssh-rsa `),
    ]);
  });

  it('says what is not in common with a server, but for types of keys', async () => {
    const { host, port } = other();
    const ended = await cli.run(['keyscan', '-p', String(port), host]);
    expect(ended).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no key exchange algorithm in common'),
    });
  });

  it.each([
    [['-t', 'dsa', 'h'], 'rsa, ecdsa, ed25519'],
    [['-p', '0', 'h'], '-p'],
    [[], 'missing required argument'],
  ])('%j is a mistake', async (words, message) => {
    const ended = await cli.run(['keyscan', ...words]);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });
});
