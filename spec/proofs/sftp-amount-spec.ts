/** Our SFTP client on our SFTP server, over SSH: much, many, and side by side. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  forkJoin,
  ignoreElements,
  lastValueFrom,
  map,
  type Observable,
  of,
  reduce,
  take,
  tap,
  toArray,
} from 'rxjs';
import { sftp } from '../../src/client/with-client.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import type { SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { statusError, StatusCode } from '../../src/sftp/status.ts';
import type { TransferProgress } from '../../src/sftp/transfer/transfer-options.ts';
import { closeEmbedded, connected, embedded, keepOpen } from '../support/embedded.ts';
import { memoryAtWork, memoryInUse, MiB } from '../support/memory.ts';
import { connectTo } from '../support/peers/ours.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { allOf, until } from '../support/sftp-pair.ts';
import { isPattern, PatternServer, period } from '../support/pattern-server.ts';
import { useTempFolder } from '../support/temp-folder.ts';
const GIB = 1024 * MiB;
const LIMIT = 150 * MiB;
const TIMEOUT_MS = 120_000;

afterEach(closeEmbedded);
const local = useTempFolder();

/** Runs work over TCP with a server of these files. */
async function overTcp<T>(
  files: SftpFileSystem,
  work: (fs: SftpClient) => Observable<T>,
): Promise<T[]> {
  const server = await startOurServer({ subsystems: { sftp: sftpServer(files) } });
  try {
    return await lastValueFrom(connectTo(server).pipe(sftp(work), toArray()));
  } finally {
    await server.stop();
  }
}

describe('a gigabyte', () => {
  it(
    'is got and put whole, in bounded memory',
    async () => {
      const server = new PatternServer(GIB);
      const before = await memoryInUse();
      let most = 0;
      const watch = tap<TransferProgress>(() => {
        most = Math.max(most, memoryAtWork(before + LIMIT) - before);
      });
      const events = await overTcp(server, (fs) =>
        concat(fs.get('/big', local('big')), fs.put(local('big'), '/put')).pipe(watch),
      );
      expect(events.filter(({ state }) => state === 'done')).toMatchObject([
        { bytes: GIB, target: { text: local('big') } },
        { bytes: GIB, target: { text: '/put' } },
      ]);
      expect([statSync(local('big')).size, server.taken]).toEqual([GIB, GIB]);
      expect(most).toBeLessThan(LIMIT);
    },
    TIMEOUT_MS,
  );

  it(
    'is read and written whole as a stream, in bounded memory',
    async () => {
      const server = new PatternServer(GIB);
      const before = await memoryInUse();
      let most = 0;
      let at = 0;
      const look = tap((chunk: Uint8Array) => {
        if (!isPattern(chunk, at)) throw new Error(`not what is at ${String(at)}`);
        at += chunk.length;
        most = Math.max(most, memoryAtWork(before + LIMIT) - before);
      });
      // what is read is written again, through the same session
      const [taken] = await overTcp(server, (fs) =>
        fs
          .write('/put')
          .pump(fs.read('/big').pipe(look))
          .pipe(reduce((_, bytes) => bytes, 0)),
      );
      expect([taken, at, server.taken]).toEqual([GIB, GIB, GIB]);
      expect(most).toBeLessThan(LIMIT);
    },
    TIMEOUT_MS,
  );
});

it('a file is written and read beyond 5 GiB', async () => {
  const at = 5 * GIB + 3;
  const written = period.subarray(0, MiB + 1);
  const read = await overTcp(nodeFileSystem({ root: local() }), (fs) =>
    concat(
      fs.write('/sparse', { start: at, flags: 'w' }).pump([written]).pipe(ignoreElements()),
      fs.read('/sparse', { start: at - 5 }),
    ),
  );
  expect(statSync(local('sparse')).size).toBe(at + written.length);
  expect(Buffer.concat(read).equals(Buffer.concat([Buffer.alloc(5), written]))).toBe(true);
});

describe('many', () => {
  it(
    'small files go each way, and are what they were',
    async () => {
      const names = Array.from({ length: 2000 }, (_, n) => `d${String(n % 7)}/f${String(n)}`);
      for (let n = 0; n < 7; n++) mkdirSync(local(`many/d${String(n)}`), { recursive: true });
      for (const [n, name] of names.entries())
        writeFileSync(local('many', name), period.subarray(n, n + (n % 5000)));
      mkdirSync(local('root'));
      const options = { recursive: true, concurrency: 16 };
      const events = await overTcp(nodeFileSystem({ root: local('root') }), (fs) =>
        concat(fs.put(local('many'), '/put', options), fs.get('/put', local('got'), options)),
      );
      expect(events.filter(({ state }) => state === 'done')).toHaveLength(4000);
      for (const copy of ['root/put', 'got']) {
        const found = readdirSync(local(copy), { recursive: true, encoding: 'utf8' });
        expect(found.filter((name) => name.includes('/')).sort()).toEqual([...names].sort());
        for (const name of names)
          expect(readFileSync(local(copy, name)).equals(readFileSync(local('many', name)))).toBe(
            true,
          );
      }
    },
    TIMEOUT_MS,
  );

  it('transfers run side by side on one channel', async () => {
    const names = Array.from({ length: 10 }, (_, n) => `f${String(n)}`);
    const sizeOf = (n: number): number => MiB + n * 1001;
    for (const [n, name] of names.entries())
      writeFileSync(local(name), period.subarray(n, n + sizeOf(n)));
    const files = memoryFileSystem();
    await overTcp(files, (fs) =>
      concat(
        forkJoin(
          names.map((name) => fs.writeFile(`/${name}`, readFileSync(local(name))).pipe(toArray())),
        ),
        forkJoin(
          names.flatMap((name) => [
            fs.get(`/${name}`, local(`got-${name}`)),
            fs.put(local(name), `/put-${name}`),
          ]),
        ),
        ...names.map((name) => fs.get(`/put-${name}`, local(`put-${name}`))),
      ),
    );
    for (const [n, name] of names.entries())
      for (const copy of ['got', 'put'])
        expect(
          readFileSync(local(`${copy}-${name}`)).equals(period.subarray(n, n + sizeOf(n))),
        ).toBe(true);
  });

  it('entries of a folder are asked for as they are taken, and the folder is closed behind ten', async () => {
    let asked = 0;
    let closed = 0;
    const files: SftpFileSystem = {
      stat: () => of({ permissions: 0o040755 }),
      open: () => {
        throw statusError(StatusCode.PERMISSION_DENIED, 'open');
      },
      *opendir() {
        try {
          for (let n = 0; n < 100_000; n++) {
            asked++;
            yield { name: `entry ${String(n)}`, attributes: { size: n, permissions: 0o100644 } };
          }
        } finally {
          closed++;
        }
      },
    };
    const subsystems = { sftp: sftpServer(files) };
    const client = await connected(embedded(() => of(0), { server: { subsystems } }).client$);
    const fs = await new Promise<SftpClient>((resolve, reject) => {
      keepOpen(client.sftp().subscribe({ next: resolve, error: reject }));
    });
    const ten = await allOf(
      fs.list('/').pipe(
        take(10),
        map(({ name }) => name.text),
      ),
    );
    expect(ten).toEqual(Array.from({ length: 10 }, (_, n) => `entry ${String(n)}`));
    await until(() => closed === 1);
    expect(asked).toBeLessThan(2000);
    const all$ = fs
      .list('/')
      .pipe(reduce((sum, { attributes }) => sum + (attributes.size ?? 0), 0));
    expect(await lastValueFrom(all$)).toBe((100_000 * 99_999) / 2);
    await until(() => closed === 2);
  });
});
