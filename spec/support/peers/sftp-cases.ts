/** What every SFTP server has to do with our client. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  concat,
  forkJoin,
  ignoreElements,
  lastValueFrom,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  range,
  reduce,
  toArray,
} from 'rxjs';
import { isFile, sftp, type SftpClient, type ConnectOptions } from '../../../src/node.ts';
import { connectTo, digestOfPattern, patternOf } from './ours.ts';
import type { Peer } from './peer.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 120_000;

/** What a server cannot do, by its own fault. */
export interface SftpCaseOptions {
  /** Bytes of the large file; 20 MiB by default. */
  readonly amount?: number;
  /** It takes names for text. */
  readonly hasOnlyText?: boolean;
  readonly connect?: Partial<ConnectOptions>;
}

/** A folder that servers under other accounts can write to. */
export function sftpFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'rxssh-sftp-'));
  chmodSync(path, 0o777);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** All that comes of work with SFTP on a peer. */
export function onSftp<R>(
  peer: Peer,
  project: (fs: SftpClient) => ObservableInput<R>,
  more: Partial<ConnectOptions> = {},
): Promise<R[]> {
  return lastValueFrom(connectTo(peer, more).pipe(sftp(project), toArray()));
}

/** SHA-256 of a local file. */
export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The hash of what a stream has. */
export function hashed(bytes$: Observable<Uint8Array>): Observable<string> {
  return bytes$.pipe(
    reduce((hash, chunk) => hash.update(chunk), createHash('sha256')),
    map((hash) => hash.digest('hex')),
  );
}

/** Describes them; the files lie in a folder of this machine. */
export function describeSftpCases(peer: () => Peer, options: SftpCaseOptions = {}): void {
  const { amount = 20 * MIB, hasOnlyText = false, connect = {} } = options;
  describe('SFTP', () => {
    let folder: ReturnType<typeof sftpFolder>;
    const at = (name: string): string => join(folder.path, name);
    const on = <R>(project: (fs: SftpClient) => ObservableInput<R>): Promise<R[]> =>
      onSftp(peer(), project, connect);
    beforeAll(() => {
      folder = sftpFolder();
    });
    afterAll(() => folder.remove());

    it(
      'writes a large file and reads it again, unharmed',
      async () => {
        const expected = digestOfPattern(amount).sha256;
        const path = at('large');
        const taken = await on((fs) => fs.write(path).pump(patternOf(amount)));
        expect(taken.at(-1)).toBe(amount);
        expect(hashOf(path)).toBe(expected);
        expect(await on((fs) => hashed(fs.read(path)))).toEqual([expected]);
      },
      TIMEOUT_MS,
    );

    it('reads and writes parts of a file', async () => {
      const path = at('parts');
      writeFileSync(path, '0123456789');
      chmodSync(path, 0o666);
      const parts = await on((fs) =>
        concat(
          fs.readFile(path, { start: 2, end: 5 }),
          fs.readFile(path, { start: 8 }),
          fs.readFile(path, { start: 20 }),
          fs.writeFile(path, 'XY', { flags: 'r+', start: 4 }),
        ).pipe(map((bytes) => Buffer.from(bytes).toString())),
      );
      expect(parts).toEqual(['234', '89', '']);
      expect(readFileSync(path, 'utf8')).toBe('0123XY6789');
    });

    it('works on an open file', async () => {
      const path = at('open');
      const seen = await on((fs) =>
        fs
          .open(path, 'w+')
          .pipe(
            mergeMap((file) =>
              concat(
                file.write(0, 'hello, world'),
                file.read(7, 100).pipe(map((bytes) => Buffer.from(bytes).toString())),
                file.truncate(5),
                file.stat().pipe(map(({ size }) => size)),
                file.close(),
              ),
            ),
          ),
      );
      expect(seen).toEqual(['world', 5]);
      expect(readFileSync(path, 'utf8')).toBe('hello');
    });

    it('appends, and refuses a file that is there already', async () => {
      const path = at('append');
      await on((fs) => concat(fs.appendFile(path, 'one,'), fs.appendFile(path, 'two')));
      expect(readFileSync(path, 'utf8')).toBe('one,two');
      await expect(on((fs) => fs.writeFile(path, 'x', { flags: 'wx' }))).rejects.toMatchObject({
        kind: 'sftp',
      });
      expect(readFileSync(path, 'utf8')).toBe('one,two');
    });

    it('makes, lists, renames and removes', async () => {
      const dir = at('tree');
      const listed = await on((fs) =>
        concat(
          fs.mkdir(dir),
          fs.mkdir(`${dir}/sub`),
          fs.writeFile(`${dir}/a`, 'aaa'),
          fs.rename(`${dir}/a`, `${dir}/b`),
          fs
            .list(dir)
            .pipe(map(({ name, attributes }) => [name.text, isFile(attributes)] as const)),
          fs.remove(`${dir}/b`),
          fs.rmdir(`${dir}/sub`),
        ),
      );
      expect([...listed].sort()).toEqual([
        ['b', true],
        ['sub', false],
      ]);
      expect(readdirSync(dir)).toEqual([]);
      await on((fs) => fs.rmdir(dir));
      expect(readdirSync(folder.path)).not.toContain('tree');
    });

    it('tells and sets attributes', async () => {
      const path = at('attributes');
      const [attributes] = await on((fs) =>
        concat(
          fs.writeFile(path, '12345', { mode: 0o600 }),
          fs.chmod(path, 0o640),
          fs.truncate(path, 3),
          fs.utimes(path, 1_000_000_000, 1_100_000_000),
          fs.stat(path),
        ),
      );
      expect(attributes).toMatchObject({ size: 3, mtime: 1_100_000_000 });
      expect((attributes?.permissions ?? 0) & 0o777).toBe(0o640);
      expect(statSync(path).mtimeMs).toBe(1_100_000_000_000);
    });

    it('knows symbolic links', async () => {
      const link = at('link');
      const seen = await on((fs) =>
        concat(
          fs.writeFile(at('target'), 'x'),
          fs.symlink('target', link),
          fs.readlink(link).pipe(map(({ text }) => text)),
          fs.realpath(link).pipe(map(({ text }) => text)),
          fs.lstat(link).pipe(map(isFile)),
          fs.stat(link).pipe(map(isFile)),
        ),
      );
      expect(seen).toEqual(['target', at('target'), false, true]);
    });

    it('says what is not there', async () => {
      await expect(on((fs) => fs.read(at('missing')))).rejects.toMatchObject({
        kind: 'sftp',
        detail: { name: 'NO_SUCH_FILE', operation: 'open', path: at('missing') },
      });
      expect(await on((fs) => fs.exists(at('missing')))).toEqual([false]);
    });

    (hasOnlyText ? it.skip : it)('has names that are no text', async () => {
      const bytes = Buffer.concat([Buffer.from(at('bytes-')), Buffer.of(0xff, 0xfe)]);
      const names = await on((fs) =>
        concat(
          fs.writeFile(bytes, 'x'),
          fs.list(folder.path).pipe(map(({ name }) => Buffer.from(name.bytes).toString('latin1'))),
          fs.remove(bytes),
        ),
      );
      expect(names).toContain('bytes-\xff\xfe');
      expect(readdirSync(folder.path).join()).not.toContain('bytes-');
    });

    it(
      'transfers twenty files at once',
      async () => {
        const files = Array.from({ length: 20 }, (_, n) => ({
          path: at(`n${n}`),
          bytes: n * 70_001,
        }));
        const hashes = await on((fs) =>
          concat(
            range(0, 20).pipe(
              mergeMap((n) => fs.writeFile(at(`n${n}`), patternOf(n * 70_001))),
              ignoreElements(),
            ),
            forkJoin(files.map(({ path }) => hashed(fs.read(path)))),
          ),
        );
        expect(hashes).toEqual([files.map(({ bytes }) => digestOfPattern(bytes).sha256)]);
      },
      TIMEOUT_MS,
    );
  });
}
