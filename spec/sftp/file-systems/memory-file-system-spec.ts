import { describe, expect, it } from '@jest/globals';
import { hardlink, posixRename, statvfs, usersGroupsById } from '../../../src/sftp/extensions.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { PacketOf } from '../../../src/sftp/packets.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import {
  bytes,
  CREAT,
  type RawSftpClient,
  READ,
  shown,
  startRawClient,
  WRITE,
} from '../raw-sftp-client.ts';

async function freeBlocks(client: RawSftpClient): Promise<bigint> {
  const reply = await client.extended(statvfs, { path: bytes('/') });
  return statvfs.reply.decode((reply as PacketOf<'EXTENDED_REPLY'>).data).blocksFree;
}

describe('memoryFileSystem', () => {
  it('is held to its quota, and leaves what there is as it was', async () => {
    const client = await startRawClient(memoryFileSystem({ quota: 1024 * 1024 }));
    const empty = await freeBlocks(client);
    const handle = await client.open('/a', READ | WRITE | CREAT);
    const write = (offset: bigint, size: number): Promise<string> =>
      client.statusOf({ type: 'WRITE', handle, offset, data: new Uint8Array(size).fill(1) });
    for (let at = 0; at < 7; at++) expect(await write(BigInt(at * 131_072), 131_072)).toBe('OK');
    expect(await write(917_504n, 200_000)).toBe('FAILURE');
    expect(await client.ask({ type: 'FSTAT', handle })).toMatchObject({
      attributes: { size: 917_504 },
    });
    expect(await write(0n, 131_072)).toBe('OK');
    expect(await client.statusOf({ type: 'REMOVE', path: bytes('/a') })).toBe('OK');
    // it goes on as long as it is open
    expect(await client.statusOf({ type: 'READ', handle, offset: 0n, length: 1 })).toBe('DATA');
    expect(await freeBlocks(client)).toBeLessThan(empty / 2n);
    await client.close(handle);
    expect(await freeBlocks(client)).toBe(empty);
  });

  it('counts names, so that empty files have an end too', async () => {
    const client = await startRawClient(memoryFileSystem({ quota: 10_000 }));
    const statuses: string[] = [];
    for (let i = 0; i < 60; i++)
      statuses.push(await client.statusOf({ type: 'MKDIR', path: bytes(`/${i}`), attributes: {} }));
    expect(statuses.filter((status) => status === 'OK')).toHaveLength(38);
    expect(statuses.at(-1)).toBe('FAILURE');
  });

  it('counts where symbolic links lead', async () => {
    const client = await startRawClient(memoryFileSystem({ quota: 10_000 }));
    const target = bytes('x'.repeat(3_000));
    const statuses: string[] = [];
    for (let i = 0; i < 5; i++)
      statuses.push(await client.statusOf({ type: 'SYMLINK', target, link: bytes(`/${i}`) }));
    expect(statuses).toEqual(['OK', 'OK', 'OK', 'FAILURE', 'FAILURE']);
    for (let i = 0; i < 3; i++) await client.statusOf({ type: 'REMOVE', path: bytes(`/${i}`) });
    expect(await client.statusOf({ type: 'SYMLINK', target, link: bytes('/again') })).toBe('OK');
  });

  it('counts names as they are, however often they change', async () => {
    const client = await startRawClient(memoryFileSystem({ quota: 10_000_000 }));
    const empty = await freeBlocks(client);
    const long = `/${'n'.repeat(250)}`;
    const rename = async (from: string, to: string): Promise<void> => {
      const paths = { oldPath: bytes(from), newPath: bytes(to) };
      expect(shown(await client.extended(posixRename, paths))).toBe('OK');
    };
    // there and back again: what is given is what was taken
    for (let i = 0; i < 100; i++) {
      await client.write('/a', '');
      await rename('/a', long);
      await client.statusOf({ type: 'REMOVE', path: bytes(long) });
      await client.write(long, '');
      await client.write('/b', '');
      await rename('/b', long);
      await rename(long, '/c');
      await client.statusOf({ type: 'REMOVE', path: bytes('/c') });
    }
    expect(await freeBlocks(client)).toBe(empty);
    const tight = await startRawClient(memoryFileSystem({ quota: 400 }));
    await tight.write('/a', '');
    const paths = { oldPath: bytes('/a'), newPath: bytes(long) };
    expect(shown(await tight.extended(posixRename, paths))).toBe('FAILURE');
    expect(await tight.list('/')).toEqual(['a']);
  });

  it('takes a file as sparse as it is', async () => {
    const client = await startRawClient(memoryFileSystem({ quota: 100_000 }));
    const handle = await client.open('/a', READ | WRITE | CREAT);
    const offset = 6n * 2n ** 30n;
    expect(await client.statusOf({ type: 'WRITE', handle, offset, data: bytes('end') })).toBe('OK');
    const read = { type: 'READ', handle, offset: offset - 1n, length: 9 } as const;
    expect(await client.ask(read)).toMatchObject({ data: bytes('\0end') });
  });

  it('has no folder lie in itself', async () => {
    const client = await startRawClient(memoryFileSystem());
    for (const path of ['/a', '/a/b', '/other'])
      await client.statusOf({ type: 'MKDIR', path: bytes(path), attributes: {} });
    await client.statusOf({ type: 'SYMLINK', target: bytes('a/b'), link: bytes('/l') });
    const rename = async (to: string): Promise<string> =>
      shown(await client.extended(posixRename, { oldPath: bytes('/a'), newPath: bytes(to) }));
    for (const to of ['/a/c', '/a/b/c', '/l/c', '/other/../a/b/c'])
      expect(await rename(to)).toBe('FAILURE');
    expect(await rename('/other/a')).toBe('OK');
    expect(await client.list('/other/a')).toEqual(['b']);
  });

  it('has two names of one file renamed onto each other stay', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'x');
    const both = { oldPath: bytes('/a'), newPath: bytes('/b') };
    await client.extended(hardlink, both);
    expect(shown(await client.extended(posixRename, both))).toBe('OK');
    expect(await client.list('/')).toEqual(['a', 'b']);
    expect(shown(await client.extended(hardlink, { ...both, oldPath: bytes('/') }))).toBe(
      'FAILURE',
    );
  });

  it('resolves links where there is something, and follows no more than 40', async () => {
    const client = await startRawClient(memoryFileSystem());
    const link = (target: string, path: string): Promise<string> =>
      client.statusOf({ type: 'SYMLINK', target: bytes(target), link: bytes(path) });
    const resolved = async (path: string): Promise<string> => {
      const reply = await client.ask({ type: 'REALPATH', path: bytes(path) });
      return reply.type === 'NAME' ? utf8Text(reply.names[0]?.filename ?? bytes('')) : shown(reply);
    };
    await client.ask({ type: 'MKDIR', path: bytes('/d'), attributes: {} });
    expect(await link('d', '/l')).toBe('OK');
    expect(await resolved('/l/x')).toBe('/d/x');
    expect(await resolved('/none/x')).toBe('/none/x');
    expect(await link('loop', '/loop')).toBe('OK');
    expect(await client.read('/loop')).toBe('NO_SUCH_FILE');
    expect(await resolved('/loop')).toBe('/loop');
    expect(await link('', '/empty')).toBe('NO_SUCH_FILE');
  });

  it('keeps owners, times and names', async () => {
    const client = await startRawClient(
      memoryFileSystem({
        uid: 5,
        gid: 6,
        users: { 5: 'alice' },
        groups: { 6: 'staff' },
        now: () => 9999,
      }),
    );
    await client.write('/a', 'x');
    const path = bytes('/a');
    expect(await client.ask({ type: 'STAT', path })).toMatchObject({
      attributes: { uid: 5, gid: 6, atime: 9, mtime: 9 },
    });
    const attributes = { uid: 7, gid: 8, atime: 1, mtime: 2, permissions: 0o6600 };
    expect(await client.statusOf({ type: 'SETSTAT', path, attributes })).toBe('OK');
    expect(await client.ask({ type: 'STAT', path })).toMatchObject({
      attributes: { ...attributes, permissions: 0o100600 },
    });
    const ids = { uids: [{ id: 5 }, { id: 7 }], gids: [{ id: 6 }] };
    const names = (await client.extended(usersGroupsById, ids)) as PacketOf<'EXTENDED_REPLY'>;
    expect(usersGroupsById.reply.decode(names.data)).toEqual({
      users: [{ name: 'alice' }, { name: '' }],
      groups: [{ name: 'staff' }],
    });
  });
});
