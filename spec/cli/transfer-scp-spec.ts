/** `rxssh get` and `rxssh put` with a server that has no SFTP. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { scpServer } from '../../src/sftp/scp/scp-server.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { type Ended, useCli } from './cli.ts';
import { useHost } from './sftp-host.ts';

const cli = useCli();
const root = (): string => cli.file('remote');
const host = useHost(cli, root, () =>
  startOurServer({ exec: scpServer(() => nodeFileSystem({ root: root() })) }),
);

const at = (path: string): string => `${host().name}:${path}`;
const local = (name: string): string => cli.file(`local/${name}`);
const run = (command: string, ...args: readonly string[]): Promise<Ended> =>
  cli.run([command, ...host().options, ...args]);
const silent = { status: 0, stderr: '' };

it('puts and gets files and trees, in silence', async () => {
  mkdirSync(local('tree/sub'), { recursive: true });
  writeFileSync(local('tree/sub/file'), 'in a tree');
  writeFileSync(local("it's one"), 'one');
  expect(await run('put', local("it's one"), at('/one'))).toMatchObject(silent);
  expect(readFileSync(host().file('one'), 'utf8')).toBe('one');
  expect(await run('put', '-r', local('tree'), at('/tree'))).toMatchObject(silent);
  expect(readFileSync(host().file('tree/sub/file'), 'utf8')).toBe('in a tree');
  expect(await run('get', at('/one'), local('back'))).toMatchObject(silent);
  expect(readFileSync(local('back'), 'utf8')).toBe('one');
  expect(await run('get', '-r', at('/tree'), local('tree-back'))).toMatchObject(silent);
  expect(readFileSync(local('tree-back/sub/file'), 'utf8')).toBe('in a tree');
});

it('says what is not there, with status 1', async () => {
  const { status, stderr } = await run('get', at('/missing'), local('missing'));
  expect(status).toBe(1);
  expect(stderr).toMatch(/missing/);
});
