/** `get` and `put` in scp's own protocol, against our scp server and against one that lies. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Observable, Subject } from 'rxjs';
import { commandLine } from '../../../src/client/quote.ts';
import { fileName } from '../../../src/sftp/file-name.ts';
import type { SftpFileSystem } from '../../../src/sftp/server/file-system.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { RunScp } from '../../../src/sftp/scp/scp-client.ts';
import { scpGet } from '../../../src/sftp/scp/scp-get.ts';
import { scpPut } from '../../../src/sftp/scp/scp-put.ts';
import { scpServer } from '../../../src/sftp/scp/scp-server.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { localFiles } from '../../../src/sftp/transfer/local-files-node.ts';
import type {
  TransferOptions,
  TransferProgress,
} from '../../../src/sftp/transfer/transfer-options.ts';
import { memoryPair } from '../../../src/streams/memory-pair.ts';
import { utf8Bytes } from '../../../src/wire/bytes.ts';
import { closeEmbedded, keepOpen } from '../../support/embedded.ts';
import { allOf, clientOf, done, plant, sinkOf, textOf } from '../../support/sftp-pair.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

let files: SftpFileSystem;
let fs: SftpClient;
beforeEach(async () => {
  files = memoryFileSystem();
  fs = await clientOf(files);
});
afterEach(closeEmbedded);
const local = useTempFolder();

const nameOf = (path: string) => fileName(utf8Bytes(path));

/** Runs our own server. */
const run: RunScp = (words) =>
  new Observable((out) => {
    const [near, far] = memoryPair();
    const server = scpServer(files)(
      { stdin$: far.readable$, stdout: sinkOf(far) },
      commandLine(words),
    );
    keepOpen(server.subscribe({ complete: () => far.end(), error: () => far.end() }));
    out.add(() => near.destroy());
    out.next({ stdout$: near.readable$, stdin: sinkOf(near) });
  });

function get(
  remote: string,
  to: string,
  options: TransferOptions = {},
): Observable<TransferProgress> {
  return scpGet(run, nameOf(remote), localFiles, localFiles.path(to), options);
}

function put(
  from: string,
  remote: string,
  options: TransferOptions = {},
): Observable<TransferProgress> {
  return scpPut(run, localFiles, localFiles.path(from), nameOf(remote), options);
}

const states = async (transfer$: Observable<TransferProgress>): Promise<string[]> =>
  (await allOf(transfer$)).map(({ state, file }) => `${state} ${file}`);

describe('with a server', () => {
  it('carry a file, and tell of it', async () => {
    await plant(fs, { '/a b': 'hello', '/empty': '' });
    expect(await states(get('/a b', local('x')))).toEqual(['started a b', 'done a b']);
    expect(readFileSync(local('x'), 'utf8')).toBe('hello');
    await done(get('/empty', local()));
    expect(readFileSync(local('empty'), 'utf8')).toBe('');
    expect(await states(put(local('x'), "/it's"))).toEqual(['started x', 'done x']);
    expect(await textOf(fs, "/it's")).toBe('hello');
    await done(put(local('empty'), '/a b'));
    expect(await textOf(fs, '/a b')).toBe('');
  });

  it('carry a tree both ways', async () => {
    mkdirSync(local('t/a/b'), { recursive: true });
    mkdirSync(local('t/c'));
    writeFileSync(local('t/a/x'), '1');
    writeFileSync(local('t/a/b/y'), '22');
    writeFileSync(local('t/z'), '');
    symlinkSync('a', local('t/link'));
    for (const name of ['t/a/x', 't/a/b', 't/a']) utimesSync(local(name), 1000, 2000);
    const options = { recursive: true, preserve: true };
    expect((await states(put(local('t'), '/u', options))).sort()).toEqual([
      ...['done a/b/y', 'done a/x', 'done z', 'skipped link'],
      ...['started a/b/y', 'started a/x', 'started z'],
    ]);
    await done(get('/u', local('u'), options));
    const expected = readdirSync(local('t'), { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('link'))
      .sort();
    expect(readdirSync(local('u'), { recursive: true, encoding: 'utf8' }).sort()).toEqual(expected);
    expect(readFileSync(local('u/a/b/y'), 'utf8')).toBe('22');
    for (const name of ['u/a/x', 'u/a/b', 'u/a'])
      expect([name, lstatSync(local(name)).mtimeMs]).toEqual([name, 2_000_000]);
  });

  it('carry names of several lines as one, as OpenSSH does', async () => {
    mkdirSync(local('t'));
    writeFileSync(local('t/a\nb'), 'x');
    await plant(fs, { '/u/': '', '/u/c\nC0644 1 .bashrc': 'y' });
    await done(put(local('t'), '/t', { recursive: true }));
    expect(await textOf(fs, '/t/a\\^Jb')).toBe('x');
    await done(get('/u', local('u'), { recursive: true }));
    expect(readdirSync(local('u'))).toEqual(['c\\^JC0644 1 .bashrc']);
  });

  it('say what is not there, and what is a folder', async () => {
    await plant(fs, { '/d/': '' });
    await expect(done(get('/none', local('x')))).rejects.toMatchObject({ kind: 'sftp' });
    await expect(done(get('/d', local('x')))).rejects.toMatchObject({ kind: 'sftp' });
    await expect(done(put(local(), '/x'))).rejects.toMatchObject({ detail: { reason: 'type' } });
    await expect(done(put(local('none'), '/x'))).rejects.toMatchObject({
      detail: { reason: 'local' },
    });
    expect(readdirSync(local())).toEqual([]);
  });
});

describe('with a server that lies', () => {
  const outside = (): string[] =>
    readdirSync(local(), { recursive: true, encoding: 'utf8' }).sort();

  /** Says everything at once, and takes what comes. */
  function saying(text: string): RunScp {
    return () =>
      new Observable((out) => {
        const [near, far] = memoryPair();
        keepOpen(far.readable$.subscribe({ error: () => {} }));
        far.write(utf8Bytes(text), () => {});
        far.end();
        out.next({ stdout$: near.readable$, stdin: sinkOf(near) });
      });
  }

  function getFrom(text: string, options: TransferOptions = {}): Promise<void> {
    const target = localFiles.path(local('target'));
    return done(scpGet(saying(text), nameOf('/srv/f'), localFiles, target, options));
  }

  it('L9: take the name from what was asked for', async () => {
    mkdirSync(local('target'));
    await getFrom('C0644 4 .bashrc\nevil\0');
    expect(outside()).toEqual(['target', 'target/f']);
  });

  it.each([
    ['a second file', 'C0644 1 f\nx\0C0644 1 g\nx\0'],
    ['a folder', 'D0755 0 f\nC0644 1 g\nx\0E\n'],
    ['the end of a folder that was not begun', 'E\n'],
    ['a name with a slash', 'C0644 1 ../x\nx\0'],
    ['a line of no kind', 'hello\n'],
    ['the end in the middle of a file', 'C0644 100 f\nxxx'],
  ])('refuse %s', async (_what, text) => {
    await expect(getFrom(text)).rejects.toMatchObject({ kind: 'protocol' });
    expect(outside().filter((name) => name !== 'target')).toEqual([]);
  });

  it.each(['../x', '..', 'a/b', ''])('refuse the name %j in a folder', async (name) => {
    const text = `D0755 0 f\nC0644 1 ${name}\nx\0E\n`;
    await expect(getFrom(text, { recursive: true })).rejects.toMatchObject({ name: 'SshError' });
    expect(outside()).toEqual(['target']);
  });

  it('do not go through a link that is there', async () => {
    mkdirSync(local('target'));
    mkdirSync(local('outside'));
    symlinkSync(local('outside'), local('target/d'));
    const text = 'D0755 0 f\nD0755 0 d\nC0644 1 x\nx\0E\nE\n';
    await expect(getFrom(text, { recursive: true })).rejects.toMatchObject({ kind: 'transfer' });
    expect(readdirSync(local('outside'))).toEqual([]);
  });

  it('stop at 64 folders in folders', async () => {
    await expect(getFrom('D0755 0 d\n'.repeat(70), { recursive: true })).rejects.toMatchObject({
      kind: 'overflow',
    });
  });

  it('drop setuid bits', async () => {
    await getFrom('C4755 1 f\nx\0', { preserve: true });
    expect(lstatSync(local('target')).mode & 0o7777).toBe(0o755);
  });

  it('say that there is no scp', async () => {
    await expect(getFrom('')).rejects.toThrow(/there is none/);
    writeFileSync(local('x'), '1');
    const put$ = scpPut(saying(''), localFiles, localFiles.path(local('x')), nameOf('/x'), {});
    await expect(done(put$)).rejects.toThrow(/there is none/);
  });

  it('leave the channel when nobody wants it any more', () => {
    const opened = new Subject<never>();
    const channel: RunScp = () => opened;
    scpGet(channel, nameOf('/f'), localFiles, nameOf(local('x')), {})
      .subscribe()
      .unsubscribe();
    expect(opened.observed).toBe(false);
  });
});
