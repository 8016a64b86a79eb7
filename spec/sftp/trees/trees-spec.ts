/** Walking, matching, counting, making and removing trees, against our own server. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom, take } from 'rxjs';
import { drain } from '../../../src/operators/drain.ts';
import { type SftpFileSystem } from '../../../src/sftp/server/file-system.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { closeEmbedded } from '../../support/embedded.ts';
import { allOf, clientOf, done, plant, textOf, until } from '../../support/sftp-pair.ts';
import { handle, names, SftpScript, status } from '../../support/sftp-script.ts';

const FOLDER = { permissions: 0o40755 };

let files: SftpFileSystem;
let fs: SftpClient;
beforeEach(async () => {
  files = memoryFileSystem();
  fs = await clientOf(files);
});
afterEach(closeEmbedded);

async function paths(...options: Parameters<SftpClient['walk']>): Promise<string[]> {
  return (await allOf(fs.walk(...options))).map(({ path }) => path.text);
}

async function matches(pattern: string): Promise<string[]> {
  return (await allOf(fs.glob(pattern))).map(({ path }) => path.text);
}

describe('walk', () => {
  beforeEach(() =>
    plant(fs, {
      '/t/a/': '',
      '/t/a/x': '1',
      '/t/a/b/': '',
      '/t/a/b/y': '22',
      '/t/link': ['a'],
      '/t/up': ['..'],
      '/t/nowhere': ['gone'],
      '/t/z': '',
    }),
  );

  it('tells folders before what is in them, and links as links', async () => {
    const entries = await allOf(fs.walk('/t'));
    expect(entries.map(({ relative, depth }) => [relative.text, depth])).toEqual([
      ['a', 1],
      ['a/x', 2],
      ['a/b', 2],
      ['a/b/y', 3],
      ['link', 1],
      ['up', 1],
      ['nowhere', 1],
      ['z', 1],
    ]);
    expect(entries[3]?.path.text).toBe('/t/a/b/y');
    expect(entries[3]?.attributes.size).toBe(2);
  });

  it('stops at maxDepth', async () => {
    expect(await paths('/t', { maxDepth: 1 })).toEqual([
      '/t/a',
      '/t/link',
      '/t/up',
      '/t/nowhere',
      '/t/z',
    ]);
    await expect(paths('/t', { maxDepth: 65 })).rejects.toMatchObject({ kind: 'config' });
  });

  it('follows links when told to, and never in a circle', async () => {
    await plant(fs, { '/t/a/b/round': ['../..'] });
    expect(await paths('/t', { followSymlinks: true })).toEqual([
      ...['/t/a', '/t/a/x', '/t/a/b', '/t/a/b/y', '/t/a/b/round'],
      ...['/t/link', '/t/link/x', '/t/link/b', '/t/link/b/y', '/t/link/b/round'],
      // the folder above is another one; in it, the one that we are in is told and not entered
      ...['/t/up', '/t/up/t', '/t/nowhere', '/t/z'],
    ]);
  });

  it('errors behind 64 levels', async () => {
    await done(fs.mkdirp(`/d${'/d'.repeat(63)}`));
    expect(await paths('/d')).toHaveLength(63);
    await done(fs.mkdirp(`/d${'/d'.repeat(64)}`));
    await expect(paths('/d')).rejects.toMatchObject({ kind: 'overflow' });
  });

  it('asks for no more than its consumer takes', async () => {
    const script = new SftpScript({
      answer: (request) => {
        if (request.type === 'OPENDIR') return [handle(request.id)];
        if (request.type === 'LSTAT') return [{ type: 'ATTRS', id: request.id, attributes: {} }];
        if (request.type === 'READDIR') return [names(request.id, ...some(100))];
        return [status(request.id)];
      },
    });
    const endless = await script.client();
    const entries$ = endless.walk('/').pipe(
      drain(async (entry) => entry),
      take(250),
    );
    expect(await allOf(entries$)).toHaveLength(250);
    expect(script.of('READDIR').length).toBeLessThan(6);
    await until(() => script.of('CLOSE').length === 1);
  });

  it.each(['../../x', '/etc/x', 'a/b', 'x\0y', ''])('refuses the name %j', async (name) => {
    const script = new SftpScript({
      answer: (request) => {
        if (request.type === 'OPENDIR') return [handle(request.id)];
        if (request.type === 'READDIR') return [names(request.id, name)];
        if (request.type === 'LSTAT')
          return [{ type: 'ATTRS', id: request.id, attributes: FOLDER }];
        return [status(request.id)];
      },
    });
    const lying = await script.client();
    await expect(lastValueFrom(lying.walk('/srv'))).rejects.toMatchObject({ kind: 'protocol' });
    await expect(done(lying.removeAll('/srv/x'))).rejects.toMatchObject({ kind: 'protocol' });
    expect([...script.of('REMOVE'), ...script.of('RMDIR')]).toEqual([]);
  });
});

function some(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${String(index)}`);
}

describe('glob', () => {
  beforeEach(() =>
    plant(fs, {
      '/g/': '',
      '/g/b.log': '',
      '/g/a.log': '',
      '/g/a.err': '',
      '/g/.hidden.log': '',
      '/g/sub/': '',
      '/g/sub/c.log': '',
      '/g/sub/deep/': '',
      '/g/sub/deep/d.log': '',
      '/g/.git/': '',
      '/g/.git/e.log': '',
      '/g/link': ['sub'],
      '/g/[x]': '',
    }),
  );

  it.each<[pattern: string, found: string[]]>([
    ['/g/*.log', ['/g/a.log', '/g/b.log']],
    ['/g/.*.log', ['/g/.hidden.log']],
    ['/g/a.{log,err}', ['/g/a.log', '/g/a.err']],
    ['/g/a.*', ['/g/a.err', '/g/a.log']],
    ['/g/**/*.log', ['/g/a.log', '/g/b.log', '/g/sub/c.log', '/g/sub/deep/d.log']],
    ['/g/*/c.log', ['/g/link/c.log', '/g/sub/c.log']],
    ['/g/*/', ['/g/link', '/g/sub']],
    [
      '/g/**',
      [
        '/g/[x]',
        '/g/a.err',
        '/g/a.log',
        '/g/b.log',
        '/g/link',
        '/g/sub',
        '/g/sub/c.log',
        '/g/sub/deep',
        '/g/sub/deep/d.log',
      ],
    ],
    ['/g/\\[x\\]', ['/g/[x]']],
    ['/g/[[]x]', ['/g/[x]']],
    ['/g/sub', ['/g/sub']],
    ['/g/none', []],
    ['/none/*', []],
    ['/g/a.log/*', []],
    ['g/s*', ['g/sub']],
    ['*/b.log', ['g/b.log']],
  ])('%s', async (pattern, found) => {
    expect(await matches(pattern)).toEqual(found);
  });

  it('tells the attributes of what it finds', async () => {
    await plant(fs, { '/g/big': '12345' });
    expect(await allOf(fs.glob('/g/b?g'))).toMatchObject([{ attributes: { size: 5 } }]);
    expect(await allOf(fs.glob('/g/big'))).toMatchObject([{ attributes: { size: 5 } }]);
  });

  it('refuses a pattern that stands for too much', async () => {
    await expect(matches('{a,b}'.repeat(20))).rejects.toMatchObject({ kind: 'config' });
  });
});

describe('du', () => {
  it('adds up a tree, and one file', async () => {
    await plant(fs, { '/u/a/': '', '/u/a/x': '123', '/u/y': '45', '/u/l': ['a'] });
    const link = 1;
    expect(await lastValueFrom(fs.du('/u'))).toEqual({
      ...{ bytes: 5 + link, files: 3, folders: 1 },
    });
    expect(await lastValueFrom(fs.du('/u/a/x'))).toEqual({ bytes: 3, files: 1, folders: 0 });
  });
});

describe('mkdirp', () => {
  it('makes what is missing, and minds nothing that is there', async () => {
    await done(fs.mkdirp('/m/a/b//c/', { mode: 0o700 }));
    await done(fs.mkdirp('/m/a/b/c'));
    await done(fs.mkdirp('m/a/d'));
    await done(fs.mkdirp('/'));
    expect(await paths('/m')).toEqual(['/m/a', '/m/a/b', '/m/a/b/c', '/m/a/d']);
    expect((await lastValueFrom(fs.stat('/m/a/b'))).permissions).toBe(0o40700);
  });

  it('is in nobody’s way who makes the same', async () => {
    await Promise.all([1, 2, 3].map(() => done(fs.mkdirp('/same/a/b/c'))));
    expect(await paths('/same')).toHaveLength(3);
  });

  it('errors where a file is in the way', async () => {
    await plant(fs, { '/file': 'x' });
    await expect(done(fs.mkdirp('/file'))).rejects.toMatchObject({ kind: 'sftp' });
    await expect(done(fs.mkdirp('/file/a'))).rejects.toMatchObject({ kind: 'sftp' });
    expect(await textOf(fs, '/file')).toBe('x');
  });
});

describe('removeAll', () => {
  beforeEach(() =>
    plant(fs, { '/kept/': '', '/kept/file': 'x', '/r/a/b/': '', '/r/a/x': '', '/r/l': ['/kept'] }),
  );

  it('removes a tree, and what links in it lead to stays', async () => {
    await plant(fs, Object.fromEntries(some(300).map((name) => [`/r/a/b/${name}`, ''])));
    await done(fs.removeAll('/r/'));
    expect(await lastValueFrom(fs.exists('/r'))).toBe(false);
    expect(await textOf(fs, '/kept/file')).toBe('x');
  });

  it.each(['/r/l', '/r/l/', '/r/l//'])(
    'removes the link %s, not what it leads to',
    async (path) => {
      await done(fs.removeAll(path));
      expect(await textOf(fs, '/kept/file')).toBe('x');
      expect(await paths('/r')).not.toContain('/r/l');
    },
  );

  it('removes a file, and minds nothing that is not there', async () => {
    await done(fs.removeAll('/r/a/x'));
    await done(fs.removeAll('/r/a/x'));
    await done(fs.removeAll('/none/at/all'));
    expect(await paths('/r/a')).toEqual(['/r/a/b']);
  });

  it.each(['', '/', '//', '.', './', '/.', '..', '../r', '/r/..', '/r/../r', 'r/a/../../..'])(
    'refuses %j',
    async (path) => {
      await expect(done(fs.removeAll(path))).rejects.toMatchObject({ kind: 'config' });
      expect(await paths('/r')).toHaveLength(4);
    },
  );
});
