import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../../src/errors.ts';
import {
  copyData,
  fsync,
  hardlink,
  homeDirectory,
  lsetstat,
  posixRename,
  statvfs,
  usersGroupsById,
} from '../../../src/sftp/extensions.ts';
import {
  nodeFileSystem,
  type NodeFileSystemOptions,
} from '../../../src/sftp/file-systems/node-file-system-node.ts';
import type { PacketOf } from '../../../src/sftp/packets.ts';
import type { SftpServerOptions } from '../../../src/sftp/server/sftp-server.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import {
  bytes,
  CREAT,
  EXCL,
  type RawRequest,
  type RawSftpClient,
  READ,
  shown,
  startRawClient,
  TRUNC,
  WRITE,
} from '../raw-sftp-client.ts';

let home: string;
let root: string;
const clients: RawSftpClient[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rxssh-jail-'));
  root = join(home, 'root');
  mkdirSync(root);
  // what nobody may see: beside the root, one with a name that begins alike
  mkdirSync(join(home, 'root2'));
  writeFileSync(join(home, 'root2', 'secret'), 'secret');
  writeFileSync(join(home, 'secret'), 'secret');
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.drop();
  await new Promise((resolve) => setImmediate(resolve));
  rmSync(home, { recursive: true, force: true });
});

async function start(
  more: Partial<NodeFileSystemOptions> = {},
  options: SftpServerOptions = {},
): Promise<RawSftpClient> {
  const client = await startRawClient(nodeFileSystem({ root, ...more }), options);
  clients.push(client);
  return client;
}

async function nameOf(client: RawSftpClient, request: RawRequest): Promise<string> {
  const reply = await client.ask(request);
  return reply.type === 'NAME' ? utf8Text(reply.names[0]?.filename ?? bytes('')) : shown(reply);
}

/** Every request with a path in it, by name. */
function requestsOn(text: string, other = '/free'): readonly (readonly [string, RawRequest])[] {
  const path = bytes(text);
  const elsewhere = bytes(other);
  const attributes = { permissions: 0o600, atime: 1, mtime: 1 };
  const extended = (request: string, data: Uint8Array): RawRequest => ({
    type: 'EXTENDED',
    request,
    data,
  });
  const twoPaths = { oldPath: path, newPath: elsewhere };
  const reversed = { oldPath: elsewhere, newPath: path };
  return [
    ['open', { type: 'OPEN', path, flags: READ, attributes: {} }],
    ['open to write', { type: 'OPEN', path, flags: WRITE, attributes: {} }],
    ['open to truncate', { type: 'OPEN', path, flags: WRITE | CREAT | TRUNC, attributes: {} }],
    ['open anew', { type: 'OPEN', path, flags: WRITE | CREAT | EXCL, attributes: {} }],
    ['opendir', { type: 'OPENDIR', path }],
    ['stat', { type: 'STAT', path }],
    ['lstat', { type: 'LSTAT', path }],
    ['setstat', { type: 'SETSTAT', path, attributes }],
    ['lsetstat', extended(lsetstat.name, lsetstat.request.encode({ path, attributes }))],
    ['mkdir', { type: 'MKDIR', path, attributes: {} }],
    ['rmdir', { type: 'RMDIR', path }],
    ['remove', { type: 'REMOVE', path }],
    ['rename from', { type: 'RENAME', ...twoPaths }],
    ['rename to', { type: 'RENAME', ...reversed }],
    ['posix-rename from', extended(posixRename.name, posixRename.request.encode(twoPaths))],
    ['posix-rename to', extended(posixRename.name, posixRename.request.encode(reversed))],
    ['hardlink from', extended(hardlink.name, hardlink.request.encode(twoPaths))],
    ['hardlink to', extended(hardlink.name, hardlink.request.encode(reversed))],
    ['symlink', { type: 'SYMLINK', target: bytes('x'), link: path }],
    ['readlink', { type: 'READLINK', path }],
    ['statvfs', extended(statvfs.name, statvfs.request.encode({ path }))],
  ];
}

function requestOn(path: string, index: number): RawRequest {
  const request = requestsOn(path)[index];
  if (request === undefined) throw new Error(`no request ${String(index)}`);
  return request[1];
}

/** Everything below a folder: types, modes, times, contents. */
function fingerprint(folder: string): string {
  return execFileSync(
    'sh',
    [
      '-c',
      'find . -printf "%p %y %m %T@ %s %l\\n" | sort; find . -type f | sort | xargs -r sha256sum',
    ],
    { cwd: folder, encoding: 'utf8' },
  );
}

describe('nodeFileSystem', () => {
  it('needs a folder', () => {
    for (const wrong of ['/no/such/folder', join(home, 'secret')]) {
      let thrown: unknown;
      try {
        nodeFileSystem({ root: wrong });
      } catch (error) {
        thrown = error;
      }
      expect(isSshError(thrown, 'config')).toBe(true);
    }
  });

  it('has paths that begin at the root, wherever they lead (SS1)', async () => {
    const client = await start();
    await client.write('/a', 'inside');
    for (const path of ['a', '/a', '../a', '/../a', 'x/../../../a', '//a', '/./a/'])
      expect([path, await client.read(path)]).toEqual([path, 'inside']);
    for (const path of [
      '../secret',
      '/../root2/secret',
      `..${root}2/secret`,
      `${home}/secret`,
      '/root2/secret',
    ])
      expect([path, await client.read(path)]).toEqual([path, 'NO_SUCH_FILE']);
    expect(await nameOf(client, { type: 'REALPATH', path: bytes('../../..') })).toBe('/');
  });

  describe('symbolic links that lead out (SS2, SS4)', () => {
    beforeEach(() => {
      symlinkSync(home, join(root, 'out'));
      symlinkSync('..', join(root, 'up'));
      symlinkSync(join(home, 'secret'), join(root, 'file'));
      symlinkSync(join(home, 'new'), join(root, 'dangling'));
      writeFileSync(join(root, 'free'), 'free');
    });

    it.each(requestsOn('').map(([name], index) => [name, index] as const))(
      '%s through them is the same whether there is something or not',
      async (name, index) => {
        const client = await start();
        const before = fingerprint(join(home, 'root2'));
        for (const folder of ['out', 'up']) {
          const answers: unknown[] = [];
          for (const path of [
            `/${folder}/root2/secret`,
            `/${folder}/root2/missing`,
            `/${folder}/nowhere/x`,
          ]) {
            const reply = await client.ask(requestOn(path, index));
            answers.push({ ...reply, id: 0 });
            expect([name, shown(reply)]).toEqual([name, 'NO_SUCH_FILE']);
          }
          expect(answers[1]).toEqual(answers[0]);
          expect(answers[2]).toEqual(answers[0]);
        }
        expect(fingerprint(join(home, 'root2'))).toBe(before);
        expect(readFileSync(join(home, 'secret'), 'utf8')).toBe('secret');
        expect(readFileSync(join(root, 'free'), 'utf8')).toBe('free');
      },
    );

    it('are no way to a file, and make none', async () => {
      const client = await start();
      expect(await client.read('/file')).toBe('NO_SUCH_FILE');
      for (const path of ['/file', '/dangling']) {
        for (const flags of [WRITE, WRITE | CREAT, WRITE | CREAT | TRUNC]) {
          const open = { type: 'OPEN', path: bytes(path), flags, attributes: {} } as const;
          expect([path, flags, await client.statusOf(open)]).toEqual([path, flags, 'NO_SUCH_FILE']);
        }
        const attributes = { permissions: 0o777, size: 0 };
        const set = { type: 'SETSTAT', path: bytes(path), attributes } as const;
        expect(await client.statusOf(set)).toBe('NO_SUCH_FILE');
      }
      expect(existsSync(join(home, 'new'))).toBe(false);
      expect(readFileSync(join(home, 'secret'), 'utf8')).toBe('secret');
    });

    it('are told of without a path of this machine', async () => {
      const client = await start();
      for (const path of ['/out', '/up', '/file', '/dangling'])
        expect(await client.statusOf({ type: 'READLINK', path: bytes(path) })).toBe(
          'PERMISSION_DENIED',
        );
      for (const path of ['/out/root2', '/out/missing', '/file'])
        expect(await nameOf(client, { type: 'REALPATH', path: bytes(path) })).toBe(path);
    });

    it('can be removed and renamed themselves', async () => {
      const client = await start();
      expect(await client.statusOf({ type: 'REMOVE', path: bytes('/out') })).toBe('OK');
      const rename = { type: 'RENAME', oldPath: bytes('/file'), newPath: bytes('/moved') } as const;
      expect(await client.statusOf(rename)).toBe('OK');
      expect(readlinkSync(join(root, 'moved'))).toBe(join(home, 'secret'));
      expect(readFileSync(join(home, 'secret'), 'utf8')).toBe('secret');
    });
  });

  it('makes links that stay inside, and gives virtual targets (SS2, SS4)', async () => {
    const client = await start();
    await client.ask({ type: 'MKDIR', path: bytes('/d'), attributes: {} });
    await client.write('/d/f', 'found');
    const link = async (target: string, path: string): Promise<string> =>
      client.statusOf({ type: 'SYMLINK', target: bytes(target), link: bytes(path) });
    expect(await link('/d/f', '/absolute')).toBe('OK');
    expect(readlinkSync(join(root, 'absolute'))).toBe(join(root, 'd/f'));
    expect(await nameOf(client, { type: 'READLINK', path: bytes('/absolute') })).toBe('/d/f');
    expect(await link('../d/f', '/d/relative')).toBe('OK');
    expect(await nameOf(client, { type: 'READLINK', path: bytes('/d/relative') })).toBe('../d/f');
    for (const path of ['/absolute', '/d/relative']) expect(await client.read(path)).toBe('found');
    expect(await nameOf(client, { type: 'REALPATH', path: bytes('/absolute') })).toBe('/d/f');
    expect(await link('../../secret', '/d/out')).toBe('PERMISSION_DENIED');
    expect(await link('/../../secret', '/d/clamped')).toBe('OK');
    expect(await client.read('/d/clamped')).toBe('NO_SUCH_FILE');
  });

  it('does not follow a folder that is exchanged for a link meanwhile (SS3)', async () => {
    const client = await start();
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd', 'secret'), 'inside');
    symlinkSync(home, join(root, 'l'));
    const racing = { isOn: true };
    const race = (async () => {
      while (racing.isOn) {
        // two names that change places: at any moment `d` is the folder, the link, or not there
        renameSync(join(root, 'd'), join(root, 't'));
        renameSync(join(root, 'l'), join(root, 'd'));
        await new Promise((resolve) => setImmediate(resolve));
        renameSync(join(root, 'd'), join(root, 'l'));
        renameSync(join(root, 't'), join(root, 'd'));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen = new Set<string>();
    for (let i = 0; i < 500; i++) {
      seen.add(await client.read('/d/secret'));
      await client.statusOf({
        type: 'OPEN',
        path: bytes(`/d/new${i}`),
        flags: WRITE | CREAT,
        attributes: {},
      });
      await client.statusOf({
        type: 'SETSTAT',
        path: bytes('/d/secret'),
        attributes: { permissions: 0o640 },
      });
      await client.statusOf({ type: 'MKDIR', path: bytes(`/d/m${i}`), attributes: {} });
    }
    racing.isOn = false;
    await race;
    expect(seen).not.toContain('secret');
    expect(seen).toContain('inside');
    expect(readdirSync(home).sort()).toEqual(['root', 'root2', 'secret']);
    expect(statSync(join(home, 'secret')).mode & 0o777).not.toBe(0o640);
  }, 60_000);

  it('takes paths of 4096 bytes without NUL, and any other bytes (SS8)', async () => {
    const client = await start();
    for (const [path, status] of [
      ['a'.repeat(65_536), 'BAD_MESSAGE'],
      ['a\0b', 'BAD_MESSAGE'],
      ['a'.repeat(300), 'FAILURE'],
    ] as const)
      expect(
        await client.statusOf({
          type: 'OPEN',
          path: bytes(path),
          flags: WRITE | CREAT,
          attributes: {},
        }),
      ).toBe(status);
    const path = Uint8Array.of(0xff, 0xfe, 0x0a, 0x1b);
    const open = { type: 'OPEN', path, flags: WRITE | CREAT, attributes: {} } as const;
    expect(await client.statusOf(open)).toBe('HANDLE');
    expect(await client.list('/')).toEqual(['\xff\xfe\n\x1b']);
    const link = { type: 'SYMLINK', target: path, link: bytes('l') } as const;
    expect(await client.statusOf(link)).toBe('OK');
    expect(await client.ask({ type: 'READLINK', path: bytes('l') })).toMatchObject({
      names: [{ filename: path }],
    });
    expect(await client.statusOf({ type: 'REMOVE', path })).toBe('OK');
    expect(await client.list('/')).toEqual(['l']);
  });

  describe.each([
    ['of the file system', { readOnly: true }, {}],
    ['of the server', {}, { readOnly: true }],
  ])('read-only %s (SS9)', (_, more, options) => {
    it.each(requestsOn('').map(([name], index) => [name, index] as const))(
      '%s',
      async (name, index) => {
        mkdirSync(join(root, 'd'));
        writeFileSync(join(root, 'free'), 'x');
        symlinkSync('free', join(root, 'l'));
        const isHarmless = ['open', 'opendir', 'stat', 'lstat', 'readlink', 'statvfs'].includes(
          name,
        );
        const client = await start(more, options);
        const before = fingerprint(root);
        for (const path of ['/free', '/d', '/l', '/new']) {
          const status = await client.statusOf(requestOn(path, index));
          if (!isHarmless) expect([path, status]).toEqual([path, 'PERMISSION_DENIED']);
        }
        expect(fingerprint(root)).toBe(before);
      },
    );

    it('lets nothing be changed through an open file, and syncs', async () => {
      writeFileSync(join(root, 'a'), 'a');
      writeFileSync(join(root, 'b'), 'b');
      const client = await start(more, options);
      const before = fingerprint(root);
      const handle = await client.open('/a');
      const other = await client.open('/b');
      const write = { type: 'WRITE', handle, offset: 0n, data: bytes('x') } as const;
      expect(await client.statusOf(write)).not.toBe('OK');
      const set = { type: 'FSETSTAT', handle, attributes: { size: 0 } } as const;
      expect(await client.statusOf(set)).not.toBe('OK');
      const copy = {
        readHandle: handle,
        readOffset: 0n,
        readLength: 0n,
        writeHandle: other,
        writeOffset: 0n,
      };
      expect(shown(await client.extended(copyData, copy))).not.toBe('OK');
      expect(shown(await client.extended(fsync, { handle }))).toBe('OK');
      expect(fingerprint(root)).toBe(before);
    });
  });

  it('does not replace by RENAME, and does by posix-rename (SS10)', async () => {
    const client = await start();
    await client.write('/a', 'a');
    await client.write('/b', 'b');
    mkdirSync(join(root, 'd'));
    mkdirSync(join(root, 'e'));
    const rename = (from: string, to: string): Promise<string> =>
      client.statusOf({ type: 'RENAME', oldPath: bytes(from), newPath: bytes(to) });
    expect(await rename('/a', '/b')).toBe('FAILURE');
    expect(await rename('/d', '/e')).toBe('FAILURE');
    expect(await rename('/a', '/c')).toBe('OK');
    expect(await rename('/d', '/f')).toBe('OK');
    expect(await rename('/', '/g')).toBe('FAILURE');
    expect(await client.read('/b')).toBe('b');
    const paths = { oldPath: bytes('/c'), newPath: bytes('/b') };
    expect(shown(await client.extended(posixRename, paths))).toBe('OK');
    expect(await client.list('/')).toEqual(['b', 'e', 'f']);
    expect(await client.read('/b')).toBe('a');
  });

  it('does not copy a file onto itself, by whatever name (SS10)', async () => {
    const client = await start();
    writeFileSync(join(root, 'a'), 'x'.repeat(1000));
    linkSync(join(root, 'a'), join(root, 'b'));
    const from = await client.open('/a');
    const to = await client.open('/b', WRITE);
    const copy = {
      readHandle: from,
      readOffset: 0n,
      readLength: 0n,
      writeHandle: to,
      writeOffset: 1000n,
    };
    expect(shown(await client.extended(copyData, copy))).toBe('OK');
    expect(statSync(join(root, 'a')).size).toBe(2000);
  });

  it('sets no setuid bits and no owners (SS11)', async () => {
    const client = await start();
    const attributes = { permissions: 0o6777 };
    await client.ask({ type: 'OPEN', path: bytes('/a'), flags: WRITE | CREAT, attributes });
    expect(statSync(join(root, 'a')).mode & 0o7000).toBe(0);
    expect(await client.statusOf({ type: 'SETSTAT', path: bytes('/a'), attributes })).toBe('OK');
    expect(statSync(join(root, 'a')).mode & 0o7777).toBe(0o777);
    await client.ask({ type: 'MKDIR', path: bytes('/d'), attributes });
    expect(statSync(join(root, 'd')).mode & 0o7000).toBe(0);
    const { uid, gid } = statSync(join(root, 'a'));
    const own = (owner: { uid: number; gid: number }): Promise<string> =>
      client.statusOf({ type: 'SETSTAT', path: bytes('/a'), attributes: { ...owner, size: 3 } });
    expect(await own({ uid: uid + 1, gid })).toBe('PERMISSION_DENIED');
    expect(statSync(join(root, 'a')).size).toBe(0);
    expect(await own({ uid, gid })).toBe('OK');
    expect(statSync(join(root, 'a')).size).toBe(3);
  });

  it('opens no FIFO, socket, device or folder, at once (SS14)', async () => {
    const client = await start();
    execFileSync('mkfifo', [join(root, 'fifo')]);
    mkdirSync(join(root, 'd'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
    for (const path of ['/fifo', '/socket', '/d', ...devices(root)])
      for (const flags of [READ, WRITE, READ | WRITE | CREAT]) {
        const open = { type: 'OPEN', path: bytes(path), flags, attributes: {} } as const;
        expect([path, flags, await client.statusOf(open)]).toEqual([path, flags, 'FAILURE']);
      }
    server.close();
    expect(await client.statusOf({ type: 'STAT', path: bytes('/fifo') })).toBe('ATTRS');
  });

  it('lists a large folder in portions, with names of all kinds (SS13)', async () => {
    const client = await start();
    mkdirSync(join(root, 'd'));
    const names = [
      'a\nb',
      '\u001b[2J',
      'n'.repeat(255),
      ...Array.from({ length: 2000 }, (_, i) => `f${i}`),
    ];
    for (const name of names) writeFileSync(join(root, 'd', name), '');
    const handle = await client.opendir('/d');
    const seen: string[] = [];
    for (;;) {
      const reply = await client.ask({ type: 'READDIR', handle });
      if (reply.type !== 'NAME') break;
      expect(reply.names.length).toBeLessThanOrEqual(100);
      seen.push(...reply.names.map(({ filename }) => utf8Text(filename)));
    }
    expect(seen.sort()).toEqual([...names].sort());
    expect(await client.list('/d/f1')).toBe('NO_SUCH_FILE');
  });

  it('closes every file when the session ends, also in the middle of a write (SS5, SS16)', async () => {
    const open = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(home);
        } catch {
          return false;
        }
      }).length;
    const client = await start();
    const handle = await client.open('/big', WRITE | CREAT);
    await client.opendir('/');
    for (let i = 0; i < 5; i++)
      void client.ask({
        type: 'WRITE',
        handle,
        offset: BigInt(i * 200_000),
        data: new Uint8Array(200_000),
      });
    void client.ask({ type: 'OPEN', path: bytes('/late'), flags: WRITE | CREAT, attributes: {} });
    expect(open()).toBeGreaterThan(0);
    client.drop();
    const end = Date.now() + 1000;
    while (open() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(open()).toBe(0);
    const { size } = statSync(join(root, 'big'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(statSync(join(root, 'big')).size).toBe(size);
  });

  it('changes times, links and names what there is', async () => {
    const client = await start({ userNames: true, chown: true });
    await client.write('/a', 'a');
    symlinkSync('a', join(root, 'l'));
    const attributes = { atime: 5, mtime: 6 };
    expect(shown(await client.extended(lsetstat, { path: bytes('/l'), attributes }))).toBe('OK');
    expect(lstatSync(join(root, 'l')).mtimeMs).toBe(6000);
    expect(statSync(join(root, 'a')).mtimeMs).not.toBe(6000);
    const mode = { permissions: 0o600 };
    expect(shown(await client.extended(lsetstat, { path: bytes('/l'), attributes: mode }))).toBe(
      'FAILURE',
    );
    expect(shown(await client.extended(lsetstat, { path: bytes('/a'), attributes: mode }))).toBe(
      'OK',
    );
    const names = (await client.extended(usersGroupsById, {
      uids: [{ id: 0 }, { id: 4_000_000_000 }],
      gids: [{ id: 0 }],
    })) as PacketOf<'EXTENDED_REPLY'>;
    expect(usersGroupsById.reply.decode(names.data)).toEqual({
      users: [{ name: 'root' }, { name: '' }],
      groups: [{ name: 'root' }],
    });
    const space = (await client.extended(statvfs, {
      path: bytes('/a'),
    })) as PacketOf<'EXTENDED_REPLY'>;
    expect(statvfs.reply.decode(space.data).blocks).toBeGreaterThan(0n);
    const homes = await client.extended(homeDirectory, { username: bytes('root') });
    expect(shown(homes)).toBe('NO_SUCH_FILE');
  });

  it('tells what this machine says, without its paths', async () => {
    const client = await start();
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd', 'f'), '');
    chmodSync(join(root, 'd'), 0o700);
    const reply = await client.ask({ type: 'RMDIR', path: bytes('/d') });
    expect(reply).toMatchObject({ code: 4, message: 'Directory not empty' });
    const missing = await client.ask({ type: 'REMOVE', path: bytes('/x/y') });
    expect(JSON.stringify({ ...missing })).not.toContain(home);
  });
});

/** An endless device, where this account may make one. */
function devices(root: string): string[] {
  const made = spawnSync('mknod', [join(root, 'zero'), 'c', '1', '5']);
  return made.status === 0 ? ['/zero'] : [];
}
