import { describe, expect, it } from '@jest/globals';
import { defer, EMPTY, Observable, of, Subject, throwError } from 'rxjs';
import {
  copyData,
  EXTENSIONS,
  expandPath,
  fsync,
  fstatvfs,
  hardlink,
  homeDirectory,
  limits,
  lsetstat,
  posixRename,
  statvfs,
  usersGroupsById,
} from '../../../src/sftp/extensions.ts';
import type { SftpFile, SftpFileSystem } from '../../../src/sftp/server/file-system.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import { LARGEST_DATA, type PacketOf } from '../../../src/sftp/packets.ts';
import { statusError, StatusCode } from '../../../src/sftp/status.ts';
import type { SftpOperation } from '../../../src/sftp/server/permission.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import {
  APPEND,
  bytes,
  CREAT,
  EXCL,
  RawSftpClient,
  READ,
  shown,
  startRawClient,
  WRITE,
} from '../raw-sftp-client.ts';

/** A file of which only what a test needs is there. */
function fakeFile(more: Partial<SftpFile> = {}): SftpFile {
  return {
    read: () => of(0),
    write: () => EMPTY,
    stat: () => of({ size: 0 }),
    setstat: () => EMPTY,
    close: () => EMPTY,
    ...more,
  };
}

function fakeFileSystem(more: Partial<SftpFileSystem> = {}): SftpFileSystem {
  return { open: () => of(fakeFile()), stat: () => of({ size: 0 }), ...more };
}

describe('sftpServer, its beginning and end', () => {
  it.each([
    [0, 0],
    [2, 2],
    [3, 3],
    [6, 3],
    [0xffff_ffff, 3],
  ])('answers version %i with %i', async (asked, answered) => {
    const client = new RawSftpClient(memoryFileSystem());
    expect(await client.start(asked)).toMatchObject({ version: answered });
  });

  it('offers every extension over a file system that has all', async () => {
    const { extensions } = await new RawSftpClient(memoryFileSystem()).start();
    expect(extensions.map(({ name, data }) => [name, utf8Text(data)])).toEqual(
      EXTENSIONS.map(({ name, version }) => [name, version]),
    );
  });

  it('does not offer, nor do, what a file system leaves out', async () => {
    const client = new RawSftpClient(fakeFileSystem());
    const { extensions } = await client.start();
    expect(extensions.map(({ name }) => name)).toEqual(['limits@openssh.com', 'copy-data']);
    const path = bytes('/a');
    for (const request of [
      { type: 'MKDIR', path, attributes: {} },
      { type: 'OPENDIR', path },
      { type: 'RENAME', oldPath: path, newPath: path },
      { type: 'EXTENDED', request: statvfs.name, data: statvfs.request.encode({ path }) },
      { type: 'EXTENDED', request: 'nobody@knows', data: path },
    ] as const)
      expect([request, await client.statusOf(request)]).toEqual([request, 'OP_UNSUPPORTED']);
    expect(await client.statusOf({ type: 'LSTAT', path })).toBe('ATTRS');
    expect(await client.statusOf({ type: 'REALPATH', path })).toBe('NAME');
  });

  it('ends with status 0 at the EOF of the client, everything answered and closed', async () => {
    const events: string[] = [];
    let answer = (): void => undefined;
    const fileSystem = fakeFileSystem({
      stat: () =>
        new Observable((out) => {
          answer = () => {
            out.next({ size: 1 });
            out.complete();
          };
        }),
      open: () => of(fakeFile({ close: () => defer(() => (events.push('close'), EMPTY)) })),
    });
    const client = await startRawClient(fileSystem, {
      onStart: () => events.push('start'),
      onEnd: () => events.push('end'),
    });
    await client.open('/a');
    const asked = client.statusOf({ type: 'STAT', path: bytes('/a') });
    const ended = client.end();
    expect(client.outcome).toBeUndefined();
    answer();
    expect(await asked).toBe('ATTRS');
    expect(await ended).toEqual([0]);
    expect(events).toEqual(['start', 'close', 'end']);
  });

  it('tells of the start, and ends when nobody listens any more', async () => {
    const events: string[] = [];
    const client = new RawSftpClient(memoryFileSystem(), {
      onStart: () => events.push('start'),
      onEnd: () => events.push('end'),
    });
    expect(events).toEqual([]);
    await client.start();
    expect(events).toEqual(['start']);
    client.drop();
    expect(events).toEqual(['start', 'end']);
  });
});

describe('sftpServer, requests', () => {
  it('writes, reads, lists and removes', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'hello');
    expect(await client.read('a')).toBe('hello');
    expect(await client.list('/')).toEqual(['a']);
    const path = bytes('/a');
    expect(await client.ask({ type: 'STAT', path })).toMatchObject({
      attributes: { size: 5, permissions: 0o100644 },
    });
    expect(await client.statusOf({ type: 'REMOVE', path })).toBe('OK');
    expect(await client.statusOf({ type: 'LSTAT', path })).toBe('NO_SUCH_FILE');
  });

  it('has names with their `ls -l` lines', async () => {
    const client = await startRawClient(memoryFileSystem({ now: () => 0 }));
    await client.write('/a\n\u001b', 'x');
    const handle = await client.opendir('/');
    const reply = (await client.ask({ type: 'READDIR', handle })) as PacketOf<'NAME'>;
    expect(reply.names.map(({ longname }) => utf8Text(longname))).toEqual([
      expect.stringMatching(/^-rw-r--r-- {4}1 0 {8}0 .* 1 Jan? .*a\n\u001b$|^-rw-r--r--/s),
    ]);
    expect(await client.statusOf({ type: 'READDIR', handle })).toBe('EOF');
    expect(await client.statusOf({ type: 'READDIR', handle })).toBe('EOF');
  });

  it('follows symbolic links in OpenSSH order of arguments (SS15)', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'hello');
    const made = await client.statusOf({ type: 'SYMLINK', target: bytes('a'), link: bytes('/l') });
    expect(made).toBe('OK');
    expect(await client.read('/l')).toBe('hello');
    const read = (await client.ask({ type: 'READLINK', path: bytes('/l') })) as PacketOf<'NAME'>;
    expect(utf8Text(read.names[0]?.filename ?? bytes(''))).toBe('a');
  });

  it.each([
    ['when told so', { draftSymlink: true }, 'SSH-2.0-OpenSSH_9.2'],
    ['of AsyncSSH', {}, 'SSH-2.0-AsyncSSH_2.10.1'],
  ])("makes links in the draft's order of arguments %s", async (_, options, peerIdentification) => {
    const client = new RawSftpClient(memoryFileSystem(), options, undefined, peerIdentification);
    await client.start();
    await client.write('/a', 'hello');
    await client.ask({ type: 'SYMLINK', target: bytes('/l'), link: bytes('a') });
    expect(await client.read('/l')).toBe('hello');
  });

  it('resolves paths from its start folder', async () => {
    const client = await startRawClient(memoryFileSystem(), { startFolder: '/home' });
    const resolved = async (path: string): Promise<string> => {
      const reply = (await client.ask({ type: 'REALPATH', path: bytes(path) })) as PacketOf<'NAME'>;
      return utf8Text(reply.names[0]?.filename ?? bytes(''));
    };
    expect(await resolved('.')).toBe('/home');
    expect(await resolved('a/../../b//c/.')).toBe('/b/c');
    expect(await resolved('../../..')).toBe('/');
    expect(await resolved('')).toBe('/home');
  });

  it('appends whatever the offset (SS6)', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'hello');
    const handle = await client.open('/a', WRITE | APPEND);
    const data = bytes(' you');
    for (const offset of [0n, 2n ** 64n - 1n])
      expect(await client.statusOf({ type: 'WRITE', handle, offset, data })).toBe('OK');
    expect(await client.read('/a')).toBe('hello you you');
  });

  it('reads at most 255 KiB, and nowhere past 2⁵³ (SS6)', async () => {
    const client = await startRawClient(memoryFileSystem());
    const handle = await client.open('/a', READ | WRITE | CREAT);
    await client.ask({ type: 'FSETSTAT', handle, attributes: { size: 2 ** 40 } });
    const read = { type: 'READ', handle, length: 0xffff_ffff } as const;
    const reply = (await client.ask({ ...read, offset: 5n })) as PacketOf<'DATA'>;
    expect(reply.data).toHaveLength(LARGEST_DATA);
    expect(reply.data.every((byte) => byte === 0)).toBe(true);
    expect(await client.statusOf({ ...read, offset: 2n ** 40n })).toBe('EOF');
    expect(await client.statusOf({ ...read, offset: 2n ** 64n - 1n })).toBe('FAILURE');
    const data = bytes('x');
    for (const offset of [2n ** 64n - 1n, 2n ** 53n - 1n])
      expect(await client.statusOf({ type: 'WRITE', handle, offset, data })).toBe('FAILURE');
  });

  it('makes a new file only where there is none with EXCL', async () => {
    const client = await startRawClient(memoryFileSystem());
    const open = { type: 'OPEN', path: bytes('/a'), attributes: { permissions: 0o6600 } } as const;
    const flags = WRITE | CREAT | EXCL;
    expect(await client.statusOf({ ...open, flags })).toBe('HANDLE');
    expect(await client.statusOf({ ...open, flags })).toBe('FAILURE');
    expect(await client.ask({ type: 'STAT', path: bytes('/a') })).toMatchObject({
      attributes: { permissions: 0o100600 },
    });
  });

  it('reads 255 KiB with the answer in one piece', async () => {
    const client = await startRawClient(memoryFileSystem());
    const handle = await client.open('/a', READ | WRITE | CREAT);
    const data = new Uint8Array(LARGEST_DATA).map((_, at) => at * 7);
    expect(await client.statusOf({ type: 'WRITE', handle, offset: 3n, data })).toBe('OK');
    const read = { type: 'READ', handle, offset: 3n, length: LARGEST_DATA } as const;
    expect(await client.ask(read)).toMatchObject({ data });
  });
});

describe('sftpServer, extensions', () => {
  it('tells its limits', async () => {
    const client = await startRawClient(memoryFileSystem(), { limits: { handles: 7 } });
    const reply = (await client.extended(limits, {})) as PacketOf<'EXTENDED_REPLY'>;
    expect(limits.reply.decode(reply.data)).toEqual({
      maxPacketLength: 262_144n,
      maxReadLength: 261_120n,
      maxWriteLength: 261_120n,
      maxOpenHandles: 7n,
    });
  });

  it('renames, links, syncs, changes links and knows its space', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'a');
    await client.write('/b', 'b');
    const oldPath = bytes('/a');
    const newPath = bytes('/b');
    expect(await client.statusOf({ type: 'RENAME', oldPath, newPath })).toBe('FAILURE');
    expect(shown(await client.extended(posixRename, { oldPath, newPath }))).toBe('OK');
    expect(await client.read('/b')).toBe('a');
    const link = { oldPath: newPath, newPath: bytes('/c') };
    expect(shown(await client.extended(hardlink, link))).toBe('OK');
    await client.write('/b', 'both');
    expect(await client.read('/c')).toBe('both');
    const handle = await client.open('/c');
    expect(shown(await client.extended(fsync, { handle }))).toBe('OK');
    const path = bytes('/l');
    await client.ask({ type: 'SYMLINK', target: bytes('c'), link: path });
    const attributes = { atime: 5, mtime: 6 };
    expect(shown(await client.extended(lsetstat, { path, attributes }))).toBe('OK');
    expect(await client.ask({ type: 'LSTAT', path })).toMatchObject({ attributes });
    const space = (await client.extended(statvfs, { path })) as PacketOf<'EXTENDED_REPLY'>;
    expect(statvfs.reply.decode(space.data)).toMatchObject({ blocks: 65_536n, nameMax: 255n });
    expect(await client.extended(fstatvfs, { handle })).toMatchObject({ data: space.data });
  });

  it('knows home folders and names', async () => {
    const client = await startRawClient({
      ...fakeFileSystem(),
      homeDirectory: (user) => {
        if (user === 'eve') throw statusError(StatusCode.NO_SUCH_FILE, 'home');
        return of(`/home/${user === '' ? 'alice' : user}`);
      },
      usersGroupsById: (uids, gids) =>
        of({ users: uids.map((uid) => `u${uid}`), groups: gids.map((gid) => `g${gid}`) }),
    });
    const expanded = async (path: string): Promise<string> => {
      const reply = await client.extended(expandPath, { path: bytes(path) });
      return reply.type === 'NAME' ? utf8Text(reply.names[0]?.filename ?? bytes('')) : shown(reply);
    };
    expect(await expanded('~')).toBe('/home/alice');
    expect(await expanded('~/a/../b')).toBe('/home/alice/b');
    expect(await expanded('~bob//c')).toBe('/home/bob/c');
    expect(await expanded('a/~')).toBe('/a/~');
    expect(await expanded('~eve/c')).toBe('NO_SUCH_FILE');
    const home = await client.extended(homeDirectory, { username: bytes('bob') });
    expect(home).toMatchObject({ names: [{ filename: bytes('/home/bob') }] });
    const ids = { uids: [{ id: 1 }, { id: 2 }], gids: [{ id: 3 }] };
    const names = (await client.extended(usersGroupsById, ids)) as PacketOf<'EXTENDED_REPLY'>;
    expect(usersGroupsById.reply.decode(names.data)).toEqual({
      users: [{ name: 'u1' }, { name: 'u2' }],
      groups: [{ name: 'g3' }],
    });
  });

  it('copies between files, and not within one (SS10)', async () => {
    const client = await startRawClient(memoryFileSystem());
    const from = await client.open('/a', READ | WRITE | CREAT);
    const data = new Uint8Array(600_000).map((_, at) => at >> 8);
    for (let at = 0; at < data.length; at += 200_000) {
      const part = data.subarray(at, at + 200_000);
      await client.ask({ type: 'WRITE', handle: from, offset: BigInt(at), data: part });
    }
    const to = await client.open('/b', READ | WRITE | CREAT);
    const copy = { readHandle: from, readOffset: 1000n, writeHandle: to, writeOffset: 3n };
    expect(shown(await client.extended(copyData, { ...copy, readLength: 0n }))).toBe('OK');
    expect(await client.ask({ type: 'FSTAT', handle: to })).toMatchObject({
      attributes: { size: 599_003 },
    });
    const read = { type: 'READ', handle: to, offset: 300_000n, length: 1000 } as const;
    expect(await client.ask(read)).toMatchObject({ data: data.subarray(300_997, 301_997) });
    const same = await client.open('/a', WRITE);
    for (const writeHandle of [from, same]) {
      const request = { ...copy, readLength: 5n, writeHandle };
      expect(shown(await client.extended(copyData, request))).toBe('FAILURE');
    }
  });
});

describe('sftpServer, what a file system answers', () => {
  const cases: readonly (readonly [string, () => never, string, string])[] = [
    [
      'ENOENT',
      () => raise(Object.assign(new Error('/srv/x'), { code: 'ENOENT' })),
      'NO_SUCH_FILE',
      'No such file',
    ],
    [
      'EPERM',
      () => raise(Object.assign(new Error('/srv/x'), { code: 'EPERM' })),
      'PERMISSION_DENIED',
      'Permission denied',
    ],
    [
      'ENOSPC',
      () => raise(Object.assign(new Error('/srv/x'), { code: 'ENOSPC' })),
      'FAILURE',
      'No space left on device',
    ],
    [
      'a code of its own',
      () => raise(Object.assign(new Error('/srv/x'), { code: 'toString' })),
      'FAILURE',
      'Failure',
    ],
    ['any error', () => raise(new Error('/srv/x')), 'FAILURE', 'Failure'],
    [
      'an sftp error',
      () =>
        raise(
          statusError(StatusCode.OP_UNSUPPORTED, 'stat', { path: '/srv', message: 'not today' }),
        ),
      'OP_UNSUPPORTED',
      'not today',
    ],
  ];
  it.each(cases)('%s', async (_, thrower, status, message) => {
    const fail: unknown[] = [];
    const path = bytes('/a');
    const thrown = new RawSftpClient(fakeFileSystem({ stat: thrower }), {
      onError: (e) => fail.push(e),
    });
    const rejected = new RawSftpClient(
      fakeFileSystem({ stat: () => new Promise((resolve) => resolve(thrower())) }),
    );
    for (const client of [thrown, rejected]) {
      await client.start();
      const reply = await client.ask({ type: 'STAT', path });
      expect(shown(reply)).toBe(status);
      expect(reply).toMatchObject({ message });
    }
    // only what the client cannot learn is told
    expect(fail).toHaveLength(message === 'Failure' ? 1 : 0);
  });

  it('takes a file system that completes without a value for one that has failed', async () => {
    const client = await startRawClient(fakeFileSystem({ stat: () => EMPTY }));
    expect(await client.statusOf({ type: 'STAT', path: bytes('/a') })).toBe('FAILURE');
  });

  it('passes on nothing that a file has not read', async () => {
    const client = await startRawClient(
      fakeFileSystem({ open: () => of(fakeFile({ read: () => of(9) })) }),
    );
    const handle = await client.open('/a');
    expect(await client.statusOf({ type: 'READ', handle, offset: 0n, length: 8 })).toBe('FAILURE');
  });

  it('reads 1 MiB ahead of its client and no more, and on when answers were taken or have failed', async () => {
    const reads = [LARGEST_DATA, LARGEST_DATA, LARGEST_DATA, LARGEST_DATA, 0, 7];
    let asked = 0;
    const read = (): Observable<number> => {
      const count = reads[asked++];
      return count === undefined ? throwError(() => new Error('broken')) : of(count);
    };
    const client = await startRawClient(fakeFileSystem({ open: () => of(fakeFile({ read })) }));
    const handle = await client.open('/a');
    client.isStalled = true;
    const answered: string[] = [];
    const answers = Array.from({ length: 20 }, async (_, at) => {
      const offset = BigInt(at * LARGEST_DATA);
      const status = await client.statusOf({ type: 'READ', handle, offset, length: LARGEST_DATA });
      answered.push(`${String(at)} ${status}`);
    });
    expect(asked).toBe(4);
    client.takeAnswers();
    await Promise.all(answers);
    expect(asked).toBe(20);
    expect(answered.slice(2, 8)).toEqual([
      '2 DATA',
      '3 DATA',
      '4 EOF',
      '5 DATA',
      '6 FAILURE',
      '7 FAILURE',
    ]);
  });

  it('answers READs of one file in their order, whatever the file says to it', async () => {
    const counts: Subject<number>[] = [];
    const read = (): Observable<number> => {
      const count = new Subject<number>();
      counts.push(count);
      return count;
    };
    const file = fakeFile({ takesParallelWrites: true, read });
    const client = await startRawClient(fakeFileSystem({ open: () => of(file) }));
    const handle = await client.open('/a');
    const order: number[] = [];
    const answers = [0, 1].map((at) =>
      client
        .ask({ type: 'READ', handle, offset: BigInt(at * 100), length: 100 })
        .then(() => order.push(at)),
    );
    // the later one first, if it was asked for
    for (let at = 1; at >= 0; at--) counts[at]?.next(1);
    counts[1]?.next(1);
    await Promise.all(answers);
    expect(order).toEqual([0, 1]);
  });

  it('takes a text for a path', async () => {
    const client = await startRawClient(fakeFileSystem({ realpath: () => '/long/path' }));
    const reply = await client.ask({ type: 'REALPATH', path: bytes('x') });
    expect(reply).toMatchObject({ names: [{ filename: bytes('/long/path') }] });
  });
});

function raise(error: unknown): never {
  throw error;
}

describe('sftpServer, permission', () => {
  it('asks before each operation, and takes everything but true for no', async () => {
    const asked: SftpOperation[] = [];
    let verdict: unknown = true;
    const client = await startRawClient(memoryFileSystem(), {
      permit: (operation) => {
        asked.push(operation);
        return verdict as boolean;
      },
    });
    const paths = (): unknown[] =>
      asked
        .splice(0)
        .map(({ name, changes, paths: all }) => [name, changes, ...all.map((p) => p.text)]);
    await client.write('/d', 'x');
    expect(paths()).toEqual([['open', true, '/d']]);
    const handle = await client.open('/d');
    await client.ask({ type: 'FSETSTAT', handle, attributes: {} });
    await client.ask({ type: 'RENAME', oldPath: bytes('d'), newPath: bytes('/e') });
    expect(paths()).toEqual([
      ['open', false, '/d'],
      ['fsetstat', true, '/d'],
      ['rename', true, '/d', '/e'],
    ]);
    const path = bytes('/e');
    for (verdict of [false, undefined, 'yes', of(false), EMPTY, Promise.resolve(1)])
      expect(await client.statusOf({ type: 'STAT', path })).toBe('PERMISSION_DENIED');
    for (verdict of [of(true), Promise.resolve(true)])
      expect(await client.statusOf({ type: 'STAT', path })).toBe('ATTRS');
    verdict = Promise.reject(new Error('no'));
    expect(await client.statusOf({ type: 'STAT', path })).toBe('FAILURE');
  });
});
