/** What real clients never send. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, of, Subject } from 'rxjs';
import { isSshError } from '../../../src/errors.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpFileSystem } from '../../../src/sftp/server/file-system.ts';
import { scpServer, type ScpServerOptions } from '../../../src/sftp/scp/scp-server.ts';
import { byteSink } from '../../../src/streams/byte-sink.ts';
import { concatBytes, utf8Text } from '../../../src/wire/bytes.ts';
import { bytes, type RawSftpClient, startRawClient } from '../raw-sftp-client.ts';

const fileSystem = memoryFileSystem({ quota: 100_000 });

/** Sends all of that to a command; gives its status or error, and what it said. */
async function run(
  command: string,
  input: readonly (string | Uint8Array)[],
  options: ScpServerOptions = {},
  files: SftpFileSystem = fileSystem,
): Promise<{ readonly end: unknown; readonly said: string }> {
  const stdin$ = new Subject<Uint8Array>();
  const said: Uint8Array[] = [];
  const stdout = byteSink({
    accept: (chunk) => {
      said.push(chunk.slice());
      return chunk.length;
    },
    whenReady: () => undefined,
    end: () => undefined,
    abort: () => undefined,
    closed$: NEVER,
  });
  const ended = new Promise<unknown>((resolve) => {
    scpServer(files, options)({ stdin$, stdout }, command).subscribe({
      ...{ next: resolve, error: resolve },
    });
  });
  await new Promise((resolve) => setImmediate(resolve));
  for (const each of input) stdin$.next(typeof each === 'string' ? bytes(each) : each);
  stdin$.complete();
  return { end: await ended, said: utf8Text(concatBytes(said)) };
}

function client(): Promise<RawSftpClient> {
  return startRawClient(fileSystem);
}

describe('scpServer', () => {
  it('refuses every other command', () => {
    for (const command of ['ls', 'scp -t a; ls', 'scp'])
      expect(() =>
        scpServer(fileSystem)({ stdin$: NEVER, stdout: byteSink({} as never) }, command),
      ).toThrow(expect.objectContaining({ kind: 'unsupported' }));
  });

  it('takes a file that comes byte by byte', async () => {
    const input = Array.from(bytes('C0600 5 ignored\nhello\0'), (byte) => Uint8Array.of(byte));
    expect(await run('scp -t /whole', input)).toEqual({ end: 0, said: '\0\0\0' });
    expect(await (await client()).read('/whole')).toBe('hello');
  });

  it.each([
    ['a name that leads out', 'scp -r -t /', 'C0644 1 ../x\nx\0'],
    ['a folder that leads out', 'scp -r -t /', 'D0755 0 ..\n'],
    ['a folder without -r', 'scp -t /', 'D0755 0 d\n'],
    ['the end of no folder', 'scp -r -t /', 'E\n'],
    ['nonsense', 'scp -t /', 'GET / HTTP/1.0\n'],
    ['a line without an end', 'scp -t /', 'C0644 1 '.padEnd(5000, 'x')],
    ['the end in the middle of a file', 'scp -t /cut', 'C0644 5 cut\nhe'],
    ['the end in the middle of a line', 'scp -t /', 'C0644'],
    [
      'folders in folders without end',
      'scp -r -t /',
      Array.from({ length: 65 }, () => 'D0755 0 d\n').join(''),
    ],
    ['a source whose client goes', 'scp -f /whole', ''],
  ])('%s is a protocol error', async (_, command, input) => {
    const { end } = await run(command, [input]);
    expect(isSshError(end, 'protocol')).toBe(true);
  });

  it('has room for no more than there is, takes the rest off the wire, and goes on', async () => {
    const large = new Uint8Array(200_000);
    const input = ['C0644 200000 large\n', large, '\0', 'C0644 2 small\nok\0'];
    const { end, said } = await run('scp -t /', input);
    expect({ end, said }).toEqual({ end: 1, said: '\0\0\u0001scp: /large: No space left\n\0\0' });
    expect(await (await client()).read('/small')).toBe('ok');
  });

  it('stops when the client says that it has failed', async () => {
    expect(await run('scp -t /', ['\u0002no such file\n'])).toEqual({ end: 0, said: '\0' });
    expect(await run('scp -t /', ['\u0001not this one\n', 'C0644 1 next\nx\0'])).toMatchObject({
      end: 0,
    });
    expect(await (await client()).read('/next')).toBe('x');
  });

  it('needs a folder with -d', async () => {
    expect(await run('scp -d -t /whole', [])).toEqual({
      end: 1,
      said: '\u0002scp: Not a directory\n',
    });
  });

  it('begins at its start folder', async () => {
    const raw = await client();
    await raw.ask({ type: 'MKDIR', path: bytes('/home'), attributes: {} });
    for (const [word, content] of [
      ['~/one', '1'],
      ['two', '2'],
      ['.', '3'],
    ]) {
      const input = [`C0644 1 three\n${content!}\0`];
      const { end } = await run(`scp -t ${word!}`, input, { startFolder: '/home' });
      expect(end).toBe(0);
    }
    for (const [name, content] of Object.entries({ one: '1', two: '2', three: '3' }))
      expect(await raw.read(`/home/${name}`)).toBe(content);
  });

  it('goes on behind a folder that cannot be listed, and not in it', async () => {
    const files: SftpFileSystem = {
      stat: ({ text }) => [{ size: 1, permissions: text === '/d' ? 0o040755 : 0o100644 }],
      open: () => Promise.reject(new Error('nothing is read here')),
      opendir: () => {
        throw Object.assign(new Error('not for you'), { code: 'EACCES' });
      },
    };
    const { end, said } = await run('scp -r -f /d /x', ['\0'.repeat(9)], {}, files);
    expect({ end, said }).toEqual({
      end: 1,
      said: 'D0755 0 d\n\u0001scp: /d: Permission denied\nE\n\u0001scp: /x: Failure\n',
    });
  });
});

describe('scpServer, permission', () => {
  it('asks before each operation as sftpServer does', async () => {
    const asked: unknown[] = [];
    const permit: ScpServerOptions['permit'] = ({ name, changes, paths }) => {
      asked.push([name, changes, ...paths.map(({ text }) => text)]);
      return true;
    };
    const input = ['T1 0 1 0\nD0755 0 p\nT1 0 1 0\nC0644 1 x\nx\0E\n'];
    expect(await run('scp -r -p -t /', input, { permit })).toMatchObject({ end: 0 });
    expect(asked.splice(0)).toEqual([
      ['stat', false, '/'],
      ['stat', false, '/p'],
      ['mkdir', true, '/p'],
      ['open', true, '/p/x'],
      ['fsetstat', true, '/p/x'],
      ['setstat', true, '/p'],
    ]);
    expect(await run('scp -r -f /p', ['\0'.repeat(9)], { permit })).toMatchObject({ end: 0 });
    expect(asked).toEqual([
      ['stat', false, '/p'],
      ['opendir', false, '/p'],
      ['stat', false, '/p/x'],
      ['open', false, '/p/x'],
    ]);
  });

  it.each<[string, ScpServerOptions]>([
    ['read-only', { readOnly: true }],
    ['a permit that says no to changes', { permit: ({ changes }) => of(!changes) }],
    ['a permit that says something else', { permit: ({ changes }) => (changes ? EMPTY : true) }],
  ])('%s changes nothing, and gives what there is', async (_, options) => {
    const raw = await client();
    await raw.write('/kept', 'old');
    const file = await run('scp -t /kept', ['C0600 3 kept\n'], options);
    expect(file).toEqual({ end: 1, said: '\0\u0001scp: /kept: Permission denied\n' });
    const folder = await run('scp -r -t /', ['D0755 0 made\n'], options);
    expect(folder.said).toBe('\0\u0002scp: /made: Permission denied\n');
    expect(await raw.list('/made')).toBe('NO_SUCH_FILE');
    const given = await run('scp -f /kept', ['\0\0\0'], options);
    expect(given).toEqual({ end: 0, said: 'C0644 3 kept\nold\0' });
  });

  it('that is refused for reading gives nothing', async () => {
    await (await client()).write('/secret', 'x');
    const permit = ({ name }: { name: string }): boolean => name !== 'open';
    expect(await run('scp -f /secret', ['\0\0\0'], { permit })).toEqual({
      ...{ end: 1, said: '\u0001scp: /secret: Permission denied\n' },
    });
  });
});
