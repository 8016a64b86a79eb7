/** `rxssh get` and `rxssh put` with a server that has no SFTP. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

it('tells what is not there, and moves the rest, with status 1', async () => {
  writeFileSync(local('first'), '1');
  writeFileSync(local('third'), '3');
  mkdirSync(host().file('many'));
  const put = await run('put', local('first'), local('none'), local('third'), at('/many'));
  expect(put).toMatchObject({ status: 1, stderr: expect.stringContaining('none') });
  expect(readdirSync(host().file('many')).sort()).toEqual(['first', 'third']);
  mkdirSync(local('got'));
  const got = await run('get', at('/many/none'), at('/many/third'), local('got'));
  expect(got).toMatchObject({ status: 1, stderr: expect.stringContaining('none') });
  expect(readdirSync(local('got'))).toEqual(['third']);
  const nowhere = await run('get', at('/many/first'), at('/many/third'), local('nowhere'));
  expect(nowhere).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('is no folder'),
  });
});

it('moves a folder into one that is there, and the contents of what has no name', async () => {
  mkdirSync(local('into/sub'), { recursive: true });
  writeFileSync(local('into/sub/file'), 'x');
  mkdirSync(host().file('there'));
  expect(await run('put', '-r', local('into'), at('/there'))).toMatchObject(silent);
  expect(readdirSync(host().file('there'), { recursive: true }).sort()).toEqual([
    ...['into', 'into/sub', 'into/sub/file'],
  ]);
  mkdirSync(local('here'));
  expect(await run('get', '-r', at('/there/into'), local('here'))).toMatchObject(silent);
  expect(await run('get', '-r', at('/there/.'), local('here'))).toMatchObject(silent);
  expect(await run('put', '-r', `${local('into')}/.`, at('/there'))).toMatchObject(silent);
  expect(readdirSync(local('here'))).toEqual(['into']);
  expect(readdirSync(host().file('there')).sort()).toEqual(['into', 'sub']);
});

it('begins where scp starts, which is ~ and no path too', async () => {
  writeFileSync(local('home'), 'h');
  writeFileSync(local('home2'), 'h');
  expect(await run('put', local('home'), at('~/home3'))).toMatchObject(silent);
  expect(await run('put', local('home'), local('home2'), at(''))).toMatchObject(silent);
  expect(readdirSync(root())).toEqual(expect.arrayContaining(['home', 'home2', 'home3']));
});
