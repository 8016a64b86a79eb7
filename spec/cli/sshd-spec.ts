/** The command line against OpenSSH's sshd. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from '@jest/globals';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { type Ended, useCli } from './cli.ts';

const cli = useCli();

describeWithPeer('sshd', 'rxssh exec at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());
  beforeAll(() => {
    writeFileSync(cli.file('known'), `${peer().knownHostsLines.join('\n')}\n`);
  });

  const exec = (
    command: string,
    more: readonly string[] = [],
    stdin?: Uint8Array,
    known = cli.file('known'),
  ): Promise<Ended> => {
    const { user, host, port, identityFiles } = peer();
    const [identity = ''] = identityFiles;
    const options = ['-i', identity, '-o', `UserKnownHostsFile=${known}`, '-l', user];
    const args = ['exec', ...options, '-p', String(port), ...more, host, '--', command];
    return cli.run(args, stdin === undefined ? {} : { stdin });
  };

  it('passes everything through, and the status', async () => {
    const input = randomBytes(300_000);
    const ended = await exec('cat; echo err >&2; exit 7', [], input);
    expect({ status: ended.status, stderr: ended.stderr }).toEqual({ status: 7, stderr: 'err\n' });
    expect(ended.stdout.equals(input)).toBe(true);
  });

  it('tells the signal', async () => {
    expect((await exec('kill -TERM $$')).status).toBe(143);
  });

  it('gives a command a terminal with -t', async () => {
    const ended = await exec('tty; stty size', ['-t']);
    expect(ended.stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\n24 80\r\n$/);
  });

  it('sets a variable that sshd accepts', async () => {
    const ended = await exec('echo "$RXSSH_A $RXSSH_B"', ['-o', 'SetEnv=RXSSH_A=1 RXSSH_B="2 3"']);
    expect(ended.stdout.toString()).toBe('1 2 3\n');
  });

  it('takes lists of algorithms, and says what was agreed on', async () => {
    const ended = await exec('true', [
      ...[
        '-v',
        '-C',
        '-o',
        'Ciphers=aes256-ctr',
        '-o',
        'MACs=^hmac-sha2-512',
        '-o',
        'RekeyLimit=1M 1h',
      ],
      ...['-o', 'KexAlgorithms=curve25519-*', '-o', 'HostKeyAlgorithms=rsa-sha2-*'],
    ]);
    expect(ended.status).toBe(0);
    expect(ended.stderr).toContain('key exchange curve25519-sha256');
    expect(ended.stderr).toContain(
      'to the server aes256-ctr hmac-sha2-512, compressed by zlib@openssh.com',
    );
    expect(ended.stderr).toContain('host key rsa-sha2-512 SHA256:');
  });

  it('leaves a key out that PubkeyAcceptedAlgorithms does not name', async () => {
    const ended = await exec('true', ['-o', 'PubkeyAcceptedAlgorithms=rsa-sha2-512']);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('refused (no signature algorithm in common');
  });

  it('learns the further host keys with UpdateHostKeys=yes, and by itself none', async () => {
    const { knownHostsLines } = peer();
    const [first = ''] = knownHostsLines;
    const file = cli.file('learnt');
    const learn = (update: string): Promise<Ended> => {
      writeFileSync(file, `${first}\n`);
      return exec('sleep 0.5', [...update.split(' ')], undefined, file);
    };
    expect((await learn('-o BatchMode=yes')).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(`${first}\n`);
    expect((await learn('-o UpdateHostKeys=ask')).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(`${first}\n`);
    expect((await learn('-o UpdateHostKeys=yes')).status).toBe(0);
    const learnt = readFileSync(file, 'utf8').trim().split('\n');
    expect(learnt.sort()).toEqual([...knownHostsLines].sort());
  });
});
