import { afterEach, describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import {
  type Extension,
  EXTENSIONS,
  expandPath,
  homeDirectory,
  statvfs,
  usersGroupsById,
} from '../../../src/sftp/extensions.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { handle, names, type Request, SftpScript, status } from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

/** Every extension, in the version that is spoken here. */
const ALL = Object.fromEntries(EXTENSIONS.map(({ name, version }) => [name, version]));
delete (ALL as Record<string, string>)['limits@openssh.com'];

/** A request as one reads it: bytes as text, the extended ones by their tables. */
function readable(request: Request): unknown {
  const { id: _id, ...rest } = request;
  if (request.type !== 'EXTENDED') return asText(rest);
  const extension = EXTENSIONS.find(({ name }) => name === request.request)!;
  const fields = extension.request.decode(request.data) as Record<string, unknown>;
  return { type: request.request, ...(asText(fields) as object) };
}

function asText(value: unknown): unknown {
  if (value instanceof Uint8Array) return utf8Text(value);
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asText(each)]));
}

type Ask = (fs: SftpClient) => Observable<unknown>;

const COMMANDS: readonly (readonly [string, Ask, object])[] = [
  [
    'setstat',
    (fs) => fs.setstat('/a', { size: 1 }),
    { type: 'SETSTAT', path: '/a', attributes: { size: 1 } },
  ],
  [
    'lsetstat',
    (fs) => fs.lsetstat('/a', { permissions: 1 }),
    { type: 'lsetstat@openssh.com', path: '/a', attributes: { permissions: 1 } },
  ],
  [
    'chmod',
    (fs) => fs.chmod('/a', 0o600),
    { type: 'SETSTAT', path: '/a', attributes: { permissions: 0o600 } },
  ],
  [
    'chown',
    (fs) => fs.chown('/a', 1, 2),
    { type: 'SETSTAT', path: '/a', attributes: { uid: 1, gid: 2 } },
  ],
  [
    'utimes',
    (fs) => fs.utimes('/a', 5.9, new Date(7500)),
    { type: 'SETSTAT', path: '/a', attributes: { atime: 5, mtime: 7 } },
  ],
  ['truncate', (fs) => fs.truncate('/a'), { type: 'SETSTAT', path: '/a', attributes: { size: 0 } }],
  ['remove', (fs) => fs.remove('/a'), { type: 'REMOVE', path: '/a' }],
  ['mkdir', (fs) => fs.mkdir('/a'), { type: 'MKDIR', path: '/a', attributes: {} }],
  [
    'mkdir with a mode',
    (fs) => fs.mkdir('/a', { mode: 0o700 }),
    { type: 'MKDIR', path: '/a', attributes: { permissions: 0o700 } },
  ],
  ['rmdir', (fs) => fs.rmdir('/a'), { type: 'RMDIR', path: '/a' }],
  ['rename', (fs) => fs.rename('/a', '/b'), { type: 'RENAME', oldPath: '/a', newPath: '/b' }],
  [
    'posixRename',
    (fs) => fs.posixRename('/a', '/b'),
    { type: 'posix-rename@openssh.com', oldPath: '/a', newPath: '/b' },
  ],
  [
    'hardlink',
    (fs) => fs.hardlink('/a', '/b'),
    { type: 'hardlink@openssh.com', oldPath: '/a', newPath: '/b' },
  ],
  ['symlink', (fs) => fs.symlink('to', '/l'), { type: 'SYMLINK', target: 'to', link: '/l' }],
];

describe('operations that set something', () => {
  it.each(COMMANDS)(
    '%s is one request, and completes with its answer',
    async (_name, ask, asked) => {
      const script = new SftpScript({ extensions: ALL, answer: ({ id }) => [status(id)] });
      const fs = await script.client();
      const operation$ = ask(fs);
      await turn();
      expect(script.requests).toEqual([]);
      expect(await allOf(operation$)).toEqual(['complete']);
      expect(script.requests.map(readable)).toEqual([asked]);
    },
  );

  it.each(COMMANDS)('%s errors with what the server says', async (name, ask) => {
    const script = new SftpScript({
      extensions: ALL,
      answer: ({ id }) => [status(id, StatusCode.PERMISSION_DENIED, 'no')],
    });
    const fs = await script.client();
    const [error] = await allOf(ask(fs));
    expect(error).toMatchObject({ kind: 'sftp', detail: { name: 'PERMISSION_DENIED' } });
    expect((error as Error).message).toMatch(/: no$/);
    expect((error as { detail: { path: string } }).detail.path).toBe(
      name === 'symlink' ? '/l' : '/a',
    );
  });

  it.each(COMMANDS)('%s answered by a handle ends the session (SC4)', async (_name, ask) => {
    const script = new SftpScript({ extensions: ALL, answer: ({ id }) => [handle(id)] });
    const fs = await script.client();
    expect(await allOf(ask(fs))).toMatchObject([{ kind: 'protocol' }]);
  });
});

describe('extensions that the server does not have', () => {
  it.each<[string, Ask]>([
    ['lsetstat', (fs) => fs.lsetstat('/a', {})],
    ['posixRename', (fs) => fs.posixRename('/a', '/b')],
    ['hardlink', (fs) => fs.hardlink('/a', '/b')],
    ['statvfs', (fs) => fs.statvfs('/')],
    ['usersGroupsById', (fs) => fs.usersGroupsById([0], [])],
    ['homeDirectory of somebody', (fs) => fs.homeDirectory('bob')],
    ['expandPath of somebody', (fs) => fs.expandPath('~bob')],
  ])('%s is unsupported, and not asked for', async (_name, ask) => {
    const script = new SftpScript({ extensions: { 'statvfs@openssh.com': '1' } });
    const fs = await script.client();
    expect(await allOf(ask(fs))).toMatchObject([{ kind: 'unsupported' }]);
    expect(script.requests).toEqual([]);
  });

  it.each([
    ['~', ['.'], '/home/me'],
    ['~/', ['.'], '/home/me'],
    ['~/x', ['.', '/home/me/x'], '/home/me/x'],
    ['/x', ['/x'], '/x'],
  ])('expandPath of %s asks for what it can', async (path, asked, expanded) => {
    const script = new SftpScript({
      answer: (request) => {
        if (request.type !== 'REALPATH') return [];
        const text = utf8Text(request.path);
        return [names(request.id, text === '.' ? '/home/me' : text)];
      },
    });
    const fs = await script.client();
    expect(await allOf(fs.expandPath(path))).toMatchObject([{ text: expanded }, 'complete']);
    expect(script.of('REALPATH').map((request) => utf8Text(request.path))).toEqual(asked);
  });
});

describe('operations that ask for a name', () => {
  const ASK: readonly (readonly [string, Ask])[] = [
    ['realpath', (fs) => fs.realpath('/l')],
    ['readlink', (fs) => fs.readlink('/l')],
    ['expandPath', (fs) => fs.expandPath('/l')],
    ['homeDirectory', (fs) => fs.homeDirectory('bob')],
  ];

  it.each(ASK)('%s emits it', async (_name, ask) => {
    const script = new SftpScript({ extensions: ALL, answer: ({ id }) => [names(id, '/x')] });
    expect(await allOf(ask(await script.client()))).toMatchObject([{ text: '/x' }, 'complete']);
  });

  it.each(
    ASK.flatMap(([name, ask]) =>
      [[], ['/x', '/y'], ['']].map((list): [string, string[], Ask] => [name, list, ask]),
    ),
  )('%s answered by %j ends the session (SC9)', async (_name, list, ask) => {
    const script = new SftpScript({ extensions: ALL, answer: ({ id }) => [names(id, ...list)] });
    expect(await allOf(ask(await script.client()))).toMatchObject([{ kind: 'protocol' }]);
    await turn();
    expect(script.isGone).toBe(true);
  });
});

describe('stat, lstat and exists', () => {
  it('ask for what they are called', async () => {
    const script = new SftpScript({
      answer: ({ type, id }) => [
        { type: 'ATTRS', id, attributes: { size: type === 'STAT' ? 1 : 2 } },
      ],
    });
    const fs = await script.client();
    expect(await allOf(fs.stat('/a'))).toEqual([{ size: 1 }, 'complete']);
    expect(await allOf(fs.lstat('/a'))).toEqual([{ size: 2 }, 'complete']);
    expect(await allOf(fs.exists('/a'))).toEqual([true, 'complete']);
  });

  it('exists only says no to NO_SUCH_FILE', async () => {
    let code: number = StatusCode.NO_SUCH_FILE;
    const script = new SftpScript({ answer: ({ id }) => [status(id, code)] });
    const fs = await script.client();
    expect(await allOf(fs.exists('/a'))).toEqual([false, 'complete']);
    code = StatusCode.PERMISSION_DENIED;
    expect(await allOf(fs.exists('/a'))).toMatchObject([{ kind: 'sftp' }]);
  });
});

describe('extended answers', () => {
  const encoded = (extension: Extension, reply: Record<string, unknown>): Uint8Array =>
    extension.reply?.encode(reply) ?? new Uint8Array(0);

  it('statvfs emits what the server has', async () => {
    const names = Object.keys(statvfs.reply.fields);
    const reply = Object.fromEntries(names.map((name, at) => [name, BigInt(at)]));
    const script = new SftpScript({
      extensions: ALL,
      answer: ({ id }) => [{ type: 'EXTENDED_REPLY', id, data: encoded(statvfs, reply) }],
    });
    const fs = await script.client();
    expect(await allOf(fs.statvfs('/'))).toEqual([reply, 'complete']);
  });

  it.each([
    [
      { users: [{ name: 'root' }], groups: [{ name: '' }, { name: 'b' }] },
      { users: ['root'], groups: ['', 'b'] },
    ],
    [{ users: [], groups: [] }, { kind: 'protocol' }],
  ])('usersGroupsById, answered by %j', async (reply, expected) => {
    const script = new SftpScript({
      extensions: ALL,
      answer: ({ id }) => [{ type: 'EXTENDED_REPLY', id, data: encoded(usersGroupsById, reply) }],
    });
    const fs = await script.client();
    expect((await allOf(fs.usersGroupsById([0], [1, 2])))[0]).toMatchObject(expected);
    expect(script.requests.map(readable)).toEqual([
      { type: usersGroupsById.name, uids: [{ id: 0 }], gids: [{ id: 1 }, { id: 2 }] },
    ]);
  });

  it('home directories are asked for by the extension that knows them', async () => {
    const script = new SftpScript({ extensions: ALL, answer: ({ id }) => [names(id, '/x')] });
    const fs = await script.client();
    await allOf(fs.homeDirectory());
    await allOf(fs.homeDirectory('bob'));
    expect(script.requests.map(readable)).toEqual([
      { type: expandPath.name, path: '~' },
      { type: homeDirectory.name, username: 'bob' },
    ]);
  });
});

it.each<[string, Ask]>([
  ['a NUL in a path', (fs) => fs.stat('a\0b')],
  ['a size that is none', (fs) => fs.truncate('/a', -1)],
  ['a size that is not exact (SC12)', (fs) => fs.truncate('/a', 2 ** 53)],
  ['a time before 1970', (fs) => fs.utimes('/a', -1, 0)],
  ['a mode that files are not opened in', (fs) => fs.open('/a', 'rw' as 'r')],
])('%s errors with config, and nothing is sent', async (_what, ask) => {
  const script = new SftpScript();
  const fs = await script.client();
  expect(await allOf(ask(fs))).toMatchObject([{ kind: 'config' }]);
  await turn();
  expect(script.requests).toEqual([]);
});
