/** Random operations against `memoryFileSystem`, `nodeFileSystem` and a model, which have to agree. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hardlink, posixRename } from '../../src/sftp/extensions.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { fileType } from '../../src/sftp/file-type.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { FileModel, type Step } from './file-model.ts';
import {
  APPEND,
  bytes,
  CREAT,
  EXCL,
  type RawSftpClient,
  READ,
  shown,
  startRawClient,
  TRUNC,
  WRITE,
} from './raw-sftp-client.ts';

// few, so that steps meet
const NAMES = ['a', 'b'];
const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 })
  .map((parts) => `/${parts.join('/')}`);
const flags = fc.constantFrom(
  READ,
  WRITE,
  WRITE | CREAT,
  WRITE | CREAT | TRUNC,
  WRITE | CREAT | EXCL,
  READ | WRITE | CREAT | APPEND,
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('mkdir' as const), path }), weight: 4 },
  {
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      path,
      flags,
      offset: fc.nat(20),
      text: fc.string({ maxLength: 10 }),
    }),
    weight: 5,
  },
  fc.record({ type: fc.constant('truncate' as const), path, size: fc.nat(30) }),
  fc.record({
    type: fc.constant('chmod' as const),
    path,
    mode: fc.nat(0o7777).map((mode) => mode | 0o700),
  }),
  {
    arbitrary: fc.record({ type: fc.constantFrom('rmdir' as const, 'remove' as const), path }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('rename' as const, 'posix-rename' as const, 'hardlink' as const),
      path,
      to: path,
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('symlink' as const),
      path,
      target: fc.oneof(
        path,
        path.map((target) => target.slice(1)),
        fc.constantFrom('..', '../a', '.', '../../../a'),
      ),
    }),
    weight: 3,
  },
);

it('agree in every answer, and in what is there at the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const root = mkdtempSync(join(tmpdir(), 'rxssh-model-'));
      const memory = await startRawClient(memoryFileSystem());
      const node = await startRawClient(nodeFileSystem({ root }));
      try {
        const model = new FileModel();
        for (const each of steps) {
          const expected = model.apply(each);
          const answers = { memory: await apply(memory, each), node: await apply(node, each) };
          expect([each, answers]).toEqual([each, { memory: expected, node: expected }]);
        }
        expect(await treeOf(memory, '/')).toEqual(model.tree());
        expect(await treeOf(node, '/')).toEqual(model.tree());
      } finally {
        memory.drop();
        node.drop();
        rmSync(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 150 },
  );
}, 120_000);

async function apply(client: RawSftpClient, each: Step): Promise<boolean> {
  return (await statusOf(client, each)) === 'OK';
}

async function statusOf(client: RawSftpClient, each: Step): Promise<string> {
  const at = bytes(each.path);
  switch (each.type) {
    case 'write': {
      const attributes = { permissions: 0o644 };
      const opened = await client.ask({ type: 'OPEN', path: at, flags: each.flags, attributes });
      if (opened.type !== 'HANDLE') return shown(opened);
      const { handle } = opened;
      const offset = BigInt(each.offset);
      const written = await client.statusOf({
        type: 'WRITE',
        handle,
        offset,
        data: bytes(each.text),
      });
      await client.close(handle);
      return written;
    }
    case 'truncate':
      return client.statusOf({ type: 'SETSTAT', path: at, attributes: { size: each.size } });
    case 'chmod':
      return client.statusOf({ type: 'SETSTAT', path: at, attributes: { permissions: each.mode } });
    case 'mkdir':
      return client.statusOf({ type: 'MKDIR', path: at, attributes: { permissions: 0o755 } });
    case 'rmdir':
      return client.statusOf({ type: 'RMDIR', path: at });
    case 'remove':
      return client.statusOf({ type: 'REMOVE', path: at });
    case 'rename':
      return client.statusOf({ type: 'RENAME', oldPath: at, newPath: bytes(each.to) });
    case 'posix-rename':
      return shown(await client.extended(posixRename, { oldPath: at, newPath: bytes(each.to) }));
    case 'hardlink':
      return shown(await client.extended(hardlink, { oldPath: at, newPath: bytes(each.to) }));
    case 'symlink':
      return client.statusOf({ type: 'SYMLINK', target: bytes(each.target), link: at });
  }
}

/** Path, type, mode and content of all there is, sorted. */
async function treeOf(client: RawSftpClient, folder: string): Promise<string[]> {
  const names = await client.list(folder);
  if (typeof names === 'string') throw new Error(names);
  const lines: string[] = [];
  for (const name of names) {
    const at = folder === '/' ? `/${name}` : `${folder}/${name}`;
    const stat = await client.ask({ type: 'LSTAT', path: bytes(at) });
    if (stat.type !== 'ATTRS') throw new Error(shown(stat));
    const { permissions = 0 } = stat.attributes;
    const mode = (permissions & 0o7777).toString(8);
    switch (fileType(stat.attributes)) {
      case 'directory':
        lines.push(`${at} directory ${mode}`, ...(await treeOf(client, at)));
        break;
      case 'symbolic-link':
        lines.push(`${at} link ${await targetOf(client, at)}`);
        break;
      default:
        lines.push(`${at} file ${mode} ${JSON.stringify(await contentOf(client, at))}`);
    }
  }
  return lines;
}

async function targetOf(client: RawSftpClient, at: string): Promise<string> {
  const reply = await client.ask({ type: 'READLINK', path: bytes(at) });
  return reply.type === 'NAME' ? utf8Text(reply.names[0]?.filename ?? bytes('')) : shown(reply);
}

async function contentOf(client: RawSftpClient, at: string): Promise<string> {
  const text = await client.read(at);
  return text === 'EOF' ? '' : text;
}
