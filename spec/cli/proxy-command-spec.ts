/** ProxyCommand of the command line, against OpenSSH's sshd. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { describeWithPeer, programFile, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { type Ended, useCli } from './cli.ts';

const cli = useCli();

/** Goes where it is told, and tells what it was told. */
const RELAY = `
const [file, host, port, ...more] = process.argv.slice(2);
require('node:fs').writeFileSync(file, JSON.stringify([host, port, ...more]));
const socket = require('node:net').connect(port, host);
process.stdin.pipe(socket).pipe(process.stdout);
`;

describeWithPeer('sshd', 'rxssh -o ProxyCommand at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());
  let count = 0;
  beforeAll(() => {
    writeFileSync(cli.file('known'), `${peer().knownHostsLines.join('\n')}\n`);
    writeFileSync(cli.file('relay.cjs'), RELAY);
  });

  const exec = (
    command: string,
    host = peer().host,
    ...more: readonly string[]
  ): Promise<Ended> => {
    const { user, port, identityFiles } = peer();
    const route = ['-i', identityFiles[0] ?? '', '-l', user, '-p', String(port)];
    const known = ['-o', `UserKnownHostsFile=${cli.file('known')}`, ...more];
    const proxy = ['-o', `ProxyCommand=${command}`];
    return cli.run(['exec', ...route, ...known, ...proxy, host, '--', 'echo in']);
  };
  /** What the relay was told. */
  const relayed = async (words: string, ...more: readonly string[]): Promise<unknown> => {
    const told = cli.file(`told-${String(count++)}`);
    const { status, stdout, stderr } = await exec(
      `"${process.execPath}" ${cli.file('relay.cjs')} '${told}' ${words}`,
      ...([peer().host, ...more] as [string, ...string[]]),
    );
    expect([status, stdout.toString(), stderr]).toEqual([0, 'in\n', '']);
    return JSON.parse(readFileSync(told, 'utf8'));
  };

  it('puts values for the tokens, each into its word', async () => {
    const { host, port, user } = peer();
    expect(await relayed(`%h %p '%r %n' a\\ b "c\\"%%" ''`)).toEqual([
      ...[host, String(port), `${user} ${host}`, 'a b', 'c"%', ''],
    ]);
  });

  it('has a shell where there is something for one', async () => {
    const { host, port } = peer();
    expect(await relayed('%h %p "$HOME" | cat')).toEqual([host, String(port), cli.file('.')]);
  });

  it('goes through sshd -i', async () => {
    const config = join(dirname(peer().identityFiles[0] ?? ''), 'sshd_config');
    const { stdout, stderr } = await exec(`${programFile('sshd') ?? 'sshd'} -i -f ${config}`);
    expect([stdout.toString(), stderr]).toEqual(['in\n', expect.not.stringContaining('rxssh: 1')]);
  });

  it('needs none with none', async () => {
    expect((await exec('none')).stdout.toString()).toBe('in\n');
  });

  it('L3: shows what the program says, escaped, and how it ended', async () => {
    const { status, stderr } = await exec(String.raw`printf 'lost\033[2J\n' >&2; exit 3`);
    expect(status).toBe(255);
    expect(stderr).toContain('rxssh: ProxyCommand: lost\\x1b[2J\n');
  });

  it('tells the status of one that ends early', async () => {
    const { status, stderr } = await exec('sh -c "exit 3"');
    expect([status, stderr]).toEqual([
      255,
      expect.stringContaining('the proxy command ended with status 3'),
    ]);
  });

  it.each([
    ['a host', (nasty: string) => exec(`touch ${cli.file('p')} %h`, nasty)],
    ['a URI', (nasty: string) => exec(`touch ${cli.file('p')} %h`, `ssh://${nasty}`)],
    ['a user', (nasty: string) => exec(`touch ${cli.file('p')} %r`, `${nasty}@h`)],
    [
      'HostName',
      (nasty: string) => exec(`touch ${cli.file('p')} %h`, 'h', '-o', `HostName=${nasty}`),
    ],
    ['-J', (nasty: string) => cli.run(['exec', '-J', nasty, peer().host, '--', 'true'])],
    [
      'a file of hosts',
      (nasty: string) => {
        writeFileSync(cli.file('hosts'), `${nasty}\n`);
        const proxy = ['-o', `ProxyCommand=touch ${cli.file('p')} %h`];
        return cli.run(['exec', ...proxy, '--hosts', cli.file('hosts'), '--', 'true']);
      },
    ],
  ])(
    'L2: refuses names that could be more than names from %s, and starts nothing',
    async (_of, run) => {
      for (const nasty of ['`id`', '$(touch,p)', "a'b", 'a\\b', 'a\u0007b']) {
        const { status, stderr } = await run(nasty);
        expect([nasty, status]).toEqual([nasty, 2]);
        expect(stderr).toMatch(/^rxssh: /);
        expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
      }
      expect(existsSync(cli.file('p'))).toBe(false);
    },
  );

  it('L2: gives a shell plain values only', async () => {
    const { status, stderr } = await exec(`touch ${cli.file('p')} %r; true`, 'a*@127.0.0.1');
    expect([status, stderr]).toEqual([255, expect.stringContaining('"a*" is not for a shell')]);
    expect(existsSync(cli.file('p'))).toBe(false);
  });
});
