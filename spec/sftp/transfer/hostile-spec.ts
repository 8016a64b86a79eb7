/** Servers that lie, against `get` and `put`: nothing outside the target is touched (security: SC1-SC3, SC12). */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileAttributes } from '../../../src/sftp/attributes.ts';
import { type FileName, fileName } from '../../../src/sftp/file-name.ts';
import { localFiles } from '../../../src/sftp/transfer/local-files-node.ts';
import { localNameProblem } from '../../../src/sftp/transfer/local-path-node.ts';
import { partPath } from '../../../src/sftp/transfer/part-name.ts';
import { RemoteFiles } from '../../../src/sftp/transfer/remote-files.ts';
import { transfer } from '../../../src/sftp/transfer/transfer.ts';
import type {
  TransferOptions,
  TransferProgress,
} from '../../../src/sftp/transfer/transfer-options.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { utf8Bytes, utf8Text } from '../../../src/wire/bytes.ts';
import { closeEmbedded } from '../../support/embedded.ts';
import { allOf, until } from '../../support/sftp-pair.ts';
import {
  type Answers,
  data,
  handle,
  type Request,
  SftpScript,
  status,
} from '../../support/sftp-script.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const FOLDER = 0o40755;
const FILE = 0o100644;
const LINK = 0o120777;

let target: string;
const inFolder = useTempFolder();
beforeEach(() => {
  target = inFolder('target');
  mkdirSync(inFolder('outside'));
});
afterEach(closeEmbedded);

/** An entry of a listing that need not be true. */
type Lie = readonly [name: string, permissions: number, size?: number];

interface Lies {
  /** Listings by path. */
  readonly folders?: Readonly<Record<string, readonly Lie[]>>;
  /** What STAT and LSTAT say. */
  readonly attributes?: FileAttributes;
  readonly content?: string;
  /** READs are not answered. */
  readonly isStuck?: boolean;
  readonly linksTo?: string;
}

/** A server whose files all have the same content, and whose listings say what they are told to. */
function liar({
  folders = {},
  attributes,
  content = 'evil',
  isStuck,
  linksTo = '/',
}: Lies): SftpScript {
  const listed = new Set<string>();
  const answer = (request: Request): Answers => {
    const { id } = request;
    switch (request.type) {
      case 'STAT':
      case 'LSTAT':
        return [{ type: 'ATTRS', id, attributes: attributes ?? { permissions: FOLDER } }];
      case 'OPENDIR':
        listed.delete(utf8Text(request.path));
        return [handle(id, utf8Text(request.path))];
      case 'OPEN':
        return [handle(id)];
      case 'READDIR': {
        const path = utf8Text(request.handle);
        if (listed.has(path)) return [status(id, StatusCode.EOF)];
        listed.add(path);
        return [{ type: 'NAME', id, names: (folders[path] ?? []).map(nameOf) }];
      }
      case 'READLINK':
        return [{ type: 'NAME', id, names: [nameOf([linksTo, LINK])] }];
      case 'READ': {
        if (isStuck === true) return [];
        const start = Number(request.offset);
        const bytes = utf8Bytes(content).slice(start, start + request.length);
        return [bytes.length === 0 ? status(id, StatusCode.EOF) : data(id, bytes)];
      }
      default:
        return [status(id)];
    }
  };
  return new SftpScript({ answer });
}

function nameOf([name, permissions, size = 4]: Lie) {
  return {
    ...{ filename: utf8Bytes(name), longname: utf8Bytes('-') },
    attributes: { permissions, size },
  };
}

async function get(
  script: SftpScript,
  options: TransferOptions = { recursive: true },
): Promise<TransferProgress[]> {
  const from = new RemoteFiles(await script.client());
  const source = fileName(utf8Bytes('/srv'));
  return allOf(
    transfer({ from, source, to: localFiles, target: localFiles.path(target) }, options),
  );
}

/** Everything below the folder of the test. */
function found(): string[] {
  return readdirSync(inFolder(), { recursive: true, encoding: 'utf8' }).sort();
}

describe('names of a server (SC1)', () => {
  it.each(['../outside/x', '/etc/x', 'a/b', '..', '', 'x\0y', '../../x'])(
    'passes over %j',
    async (name) => {
      const script = liar({
        folders: {
          '/srv': [
            [name, FILE],
            ['good', FILE],
          ],
        },
      });
      const events = await get(script);
      const refused = events.filter(({ state }) => state === 'skipped');
      // the client itself leaves out the names of dots, which every honest server lists
      expect(refused.map(({ reason }) => reason)).toEqual(name === '..' ? [] : ['name']);
      expect(found()).toEqual(['outside', 'target', 'target/good']);
    },
  );

  it.each(['../outside', 'a/b', ''])('does not enter the folder %j', async (name) => {
    const inside = { [`/srv/${name}`]: [['x', FILE] as const], [name]: [['x', FILE] as const] };
    const script = liar({ folders: { '/srv': [[name, FOLDER]], ...inside } });
    expect(await get(script)).toMatchObject([{ state: 'skipped', reason: 'name' }]);
    expect(found()).toEqual(['outside', 'target']);
    expect(script.of('OPENDIR')).toHaveLength(1);
  });

  it.each(['..\\x', 'a:b', 'c\\d', 'x:stream', 'nul', 'COM1.txt', 'x.', 'x '])(
    'does not take %j on Windows',
    (name) => {
      const problem = (windows: boolean): string | undefined =>
        localNameProblem(fileName(utf8Bytes(name)), windows);
      expect(problem(true)).toBeDefined();
      expect(problem(false)).toBeUndefined();
    },
  );

  it('L9: takes the name of the file from the path that was asked for', async () => {
    const script = liar({ attributes: { permissions: FILE, size: 4 } });
    mkdirSync(target);
    await get(script);
    expect(found()).toEqual(['outside', 'target', 'target/srv']);
  });
});

describe('symbolic links (SC2)', () => {
  it('makes none that it was not asked for', async () => {
    const script = liar({ folders: { '/srv': [['l', LINK]] } });
    expect(await get(script)).toMatchObject([{ state: 'skipped', reason: 'symlink' }]);
    expect(found()).toEqual(['outside', 'target']);
  });

  it('does not go through one that came before in the same listing', async () => {
    const script = liar({
      folders: {
        '/srv': [
          ['d', LINK],
          ['d', FOLDER],
        ],
        '/srv/d': [['x', FILE]],
      },
      linksTo: inFolder('outside'),
    });
    await expect(
      get(script, { recursive: true, symlinks: 'copy', concurrency: 1 }),
    ).rejects.toMatchObject({ kind: 'transfer' });
    expect(readdirSync(inFolder('outside'))).toEqual([]);
  });

  it('does not go through one that is there already', async () => {
    mkdirSync(target);
    symlinkSync(inFolder('outside'), join(target, 'd'));
    symlinkSync(inFolder('outside', 'f'), join(target, 'f'));
    const script = liar({
      folders: {
        '/srv': [
          ['f', FILE],
          ['d', FOLDER],
        ],
        '/srv/d': [['x', FILE]],
      },
    });
    await expect(get(script)).rejects.toMatchObject({ kind: 'transfer' });
    expect(readdirSync(inFolder('outside'))).toEqual([]);
    expect(lstatSync(join(target, 'f')).isFile()).toBe(true);
  });

  it('does not write through one in place', async () => {
    mkdirSync(target);
    writeFileSync(inFolder('outside', 'f'), 'mine');
    symlinkSync(inFolder('outside', 'f'), join(target, 'f'));
    const script = liar({ folders: { '/srv': [['f', FILE]] } });
    await expect(get(script, { recursive: true, temporary: false })).rejects.toMatchObject({
      ...{ kind: 'transfer', cause: { code: 'ELOOP' } },
    });
    expect(readFileSync(inFolder('outside', 'f'), 'utf8')).toBe('mine');
  });

  it('does not go on in one that was planted for what is resumed', async () => {
    mkdirSync(target);
    writeFileSync(inFolder('outside', 'f'), 'evil');
    const part = partPath(asName(join(target, 'f')), true);
    symlinkSync(inFolder('outside', 'f'), part.text);
    const script = liar({ folders: { '/srv': [['f', FILE]] }, content: 'evil and more' });
    await expect(get(script, { recursive: true, resume: true })).rejects.toMatchObject({
      ...{ kind: 'transfer', cause: { code: 'ELOOP' } },
    });
    expect(readFileSync(inFolder('outside', 'f'), 'utf8')).toBe('evil');
  });
});

function asName(path: string): FileName {
  return fileName(utf8Bytes(path));
}

describe('modes (SC3)', () => {
  it.each([false, true])(
    'drops setuid, setgid and sticky bits (preserve: %s)',
    async (preserve) => {
      const script = liar({
        folders: {
          '/srv': [
            ['f', 0o106777],
            ['d', 0o047777],
          ],
          '/srv/d': [],
        },
      });
      const before = process.umask(0o022);
      try {
        await get(script, { recursive: true, preserve });
      } finally {
        process.umask(before);
      }
      const expected = preserve ? 0o777 : 0o755;
      for (const name of ['f', 'd'])
        expect((lstatSync(join(target, name)).mode & 0o7777).toString(8)).toBe(
          expected.toString(8),
        );
    },
  );
});

describe('sizes (SC12)', () => {
  const content = 'x'.repeat(1000);

  it.each([0, 1, 999, 1001, 2 ** 53 - 1, 2 ** 60])(
    'reads to the end where %d bytes were said',
    async (size) => {
      const script = liar({ attributes: { permissions: FILE, size }, content });
      const events = await get(script, {});
      expect(events.at(-1)).toMatchObject({ state: 'done', bytes: 1000, total: size });
      expect(readFileSync(target, 'utf8')).toBe(content);
    },
  );

  it.each([0, 999, 1001])('errors with confirm where %d bytes were said', async (size) => {
    const script = liar({ attributes: { permissions: FILE, size }, content });
    await expect(get(script, { confirm: true })).rejects.toMatchObject({
      ...{ kind: 'transfer', detail: { reason: 'size', bytes: 1000, expected: size } },
    });
    // what is not whole is removed behind the error
    await until(() => found().length === 1);
    expect(existsSync(target)).toBe(false);
  });

  it('errors when a server has not all that was put', async () => {
    writeFileSync(inFolder('own'), content);
    const script = liar({ attributes: { permissions: FILE, size: 999 } });
    const to = new RemoteFiles(await script.client());
    const route = { from: localFiles, source: asName(inFolder('own')), to, target: asName('/x') };
    await expect(allOf(transfer(route, { confirm: true }))).rejects.toMatchObject({
      ...{ kind: 'transfer', detail: { reason: 'size', bytes: 999, expected: 1000 } },
    });
    expect(script.of('RENAME')).toHaveLength(0);
    await until(() => script.of('REMOVE').length === 1);
  });
});

it('a server that goes away ends a tree that goes on behind failures', async () => {
  const lies = [['a', FILE] as const, ['b', FILE] as const];
  const script = liar({ folders: { '/srv': lies }, isStuck: true });
  const events = get(script, { recursive: true, onError: 'continue', concurrency: 1 });
  await until(() => script.of('READ').length > 0);
  script.end();
  await expect(events).rejects.toMatchObject({ kind: 'connection-lost' });
});

describe('partPath', () => {
  it('is one name for what may be resumed, and a new one each time for what may not', () => {
    const path = asName('/a/b');
    expect(partPath(path, true).text).toBe('/a/.b.rxssh-part');
    expect(partPath(path, false).text).toMatch(/^\/a\/\.b\.[0-9a-f]{12}\.rxssh-part$/);
    expect(partPath(path, false).text).not.toBe(partPath(path, false).text);
    expect(partPath(asName('b'), true).text).toBe('.b.rxssh-part');
  });

  it('is short enough where the name is long, and its own', () => {
    const long = (end: string): FileName => partPath(asName(`${'x'.repeat(254)}${end}`), true);
    expect(long('a').bytes.length).toBeLessThan(256);
    expect(long('a').text).not.toBe(long('b').text);
  });
});
