/** The examples for SFTP, as processes of their own, against our server and OpenSSH's client. */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, toArray } from 'rxjs';
import { connect } from '../../src/node.ts';
import { sftp } from '../../src/client/with-client.ts';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { buildExamples, type Example, type Examples } from '../support/examples.ts';
import { startOurServer, type OurServer } from '../support/peers/our-server.ts';

const EXAMPLES = ['sync-tree', 'follow-log', 'own-store'];

let folder = '';
let examples: Examples;
let server: OurServer;

const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-examples-'));
  examples = await buildExamples(...EXAMPLES);
  server = await startOurServer({
    subsystems: { sftp: sftpServer(() => nodeFileSystem({ root: file('remote') })) },
  });
  mkdirSync(file('.ssh'), { mode: 0o700 });
  writeFileSync(file('.ssh/known_hosts'), `${server.knownHostsLines.join('\n')}\n`);
  copyFileSync(
    server.identityFiles.find((name) => name.endsWith('ed25519')) ?? '',
    file('.ssh/id_ed25519'),
  );
}, 60_000);

beforeEach(() => {
  for (const name of ['remote', 'local']) {
    rmSync(file(name), { recursive: true, force: true });
    mkdirSync(file(name));
  }
});

afterAll(async () => {
  examples.remove();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(name: string, args: readonly string[], env: Record<string, string> = {}): Example {
  return examples.start(name, args, { HOME: folder, ...env });
}

const host = (): string => `${server.user}@${server.host}:${String(server.port)}`;

describe('sync-tree', () => {
  const sync = (...more: readonly string[]): Example['ended'] =>
    start('sync-tree', [...more, file('local'), host(), '/backup']).ended;
  const linesOf = ({ stdout }: { stdout: string }): string[] =>
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();

  it('puts what has changed, and removes what is gone when it is told to', async () => {
    mkdirSync(file('local/sub/deep'), { recursive: true });
    for (const name of ['a', 'b', 'sub/c', 'sub/deep/d'])
      writeFileSync(file(`local/${name}`), name);
    const first = await sync();
    expect({ status: first.status, stderr: first.stderr }).toEqual({ status: 0, stderr: '' });
    expect(linesOf(first)).toEqual(['put a', 'put b', 'put sub/c', 'put sub/deep/d']);
    expect(linesOf(await sync())).toEqual([]);

    writeFileSync(file('local/a'), 'longer');
    utimesSync(file('local/b'), 1e9, 1e9);
    rmSync(file('local/sub'), { recursive: true });
    expect(linesOf(await sync())).toEqual(['put a', 'put b']);
    expect(linesOf(await sync('--delete'))).toEqual(['removed sub']);
    expect(readdirSync(file('remote/backup')).sort()).toEqual(['a', 'b']);
    expect(readFileSync(file('remote/backup/a'), 'utf8')).toBe('longer');
  });
});

describe('follow-log', () => {
  it('follows a file that grows, is rotated, and has lines that would move the cursor', async () => {
    const log = file('remote/app.log');
    writeFileSync(log, 'before\n');
    const { child, printed, ended } = start('follow-log', ['--all', host(), '/app.log']);
    await printed(/^before$/m);
    appendFileSync(log, 'clear \u001b[2J\nha');
    await printed(/^clear \\x1b\[2J$/m);
    appendFileSync(log, 'lf\n');
    await printed(/^half$/m);
    writeFileSync(log, 'rotated\n');
    await printed(/^rotated$/m);
    child.kill('SIGINT');
    expect((await ended).status).toBe(0);
  });
});

describe('own-store', () => {
  it('serves notes, and keeps them', async () => {
    const notes = file('notes.json');
    writeFileSync(notes, JSON.stringify({ '/old': 'an old note' }));
    const { printed, child, ended } = start('own-store', [notes, '0'], {
      NOTES_PASSWORD: 'secret',
    });
    const [, port = '', key = ''] = await printed(/^listening on (\d+), key (\S+)$/m);
    const fs$ = connect({
      ...{ host: '127.0.0.1', port: Number(port), user: 'me', password: 'secret' },
      hostKeys: { policy: 'pinned', fingerprints: [key] },
    });
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
    const seen = await firstValueFrom(
      fs$.pipe(
        sftp(async (fs) => {
          await firstValueFrom(fs.writeFile('/new', 'a new note').pipe(toArray()));
          await firstValueFrom(fs.rename('/old', '/older').pipe(toArray()));
          const names = await firstValueFrom(fs.list('/').pipe(toArray()));
          const note = text(await firstValueFrom(fs.readFile('/older')));
          const isLarge = await firstValueFrom(
            fs.writeFile('/large', new Uint8Array(2 * 1024 * 1024)).pipe(toArray()),
          ).catch((error: unknown) => error);
          return { names: names.map(({ name }) => name.text).sort(), note, isLarge };
        }),
      ),
    );
    expect(seen).toMatchObject({ names: ['new', 'older'], note: 'an old note' });
    expect(seen.isLarge).toMatchObject({ kind: 'sftp' });
    child.kill('SIGTERM');
    await ended;
    expect(JSON.parse(readFileSync(notes, 'utf8'))).toMatchObject({
      '/new': 'a new note',
      '/older': 'an old note',
    });
  });
});

describe('an example without arguments', () => {
  it.each(EXAMPLES)('%s says how it is used', async (name) => {
    const { status, stderr } = await start(name, []).ended;
    expect(status).toBe(2);
    expect(stderr).toMatch(/^usage: /);
  });
});
