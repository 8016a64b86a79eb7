/** Our SFTP client on our SFTP server, over SSH: much, many, side by side, through new keys, and cut off. */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  catchError,
  concat,
  defer,
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
import { connect } from '../../src/client/connect.ts';
import type { SshClient } from '../../src/client/client.ts';
import { sftp } from '../../src/client/with-client.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { serve } from '../../src/server/serve.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import type { FileName } from '../../src/sftp/file-name.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import type { SftpFile, SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { statusError, StatusCode } from '../../src/sftp/status.ts';
import { localFiles } from '../../src/sftp/transfer/local-files-node.ts';
import type { TransferProgress } from '../../src/sftp/transfer/transfer-options.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { ChaosDuplex, type ChaosOptions } from '../support/chaos.ts';
import { closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { connectTo } from '../support/peers/ours.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { allOf, done, until } from '../support/sftp-pair.ts';
import { hostKey } from '../support/transports.ts';

const GIB = 1024 * MiB;
const TIMEOUT_MS = 120_000;
const CUTS = 50;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-spec-'));
});
afterEach(async () => {
  await closeEmbedded();
  rmSync(folder, { recursive: true, force: true });
});

const local = (...names: string[]): string => join(folder, ...names);

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

/** Bytes that repeat after a length that no block is a part of: what is lost, repeated or misplaced shows. */
const PERIOD = 8 * MiB + 13;
const period = randomBytes(PERIOD);

function fill(into: Uint8Array, position: number): void {
  for (let at = 0; at < into.length;) {
    const from = (position + at) % PERIOD;
    const part = period.subarray(from, from + into.length - at);
    into.set(part, at);
    at += part.length;
  }
}

function isPattern(bytes: Uint8Array, position: number): boolean {
  for (let at = 0; at < bytes.length;) {
    const from = (position + at) % PERIOD;
    const part = period.subarray(from, from + bytes.length - at);
    if (part.compare(bytes, at, at + part.length) !== 0) return false;
    at += part.length;
  }
  return true;
}

/** A server with a file of the pattern, which takes another one and looks at every byte. */
class PatternServer implements SftpFileSystem {
  taken = 0;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  stat({ text }: { readonly text: string }): Observable<{ size: number; permissions: number }> {
    if (text !== '/big') throw statusError(StatusCode.NO_SUCH_FILE, 'stat');
    return of({ size: this.#size, permissions: 0o100600 });
  }

  open(): Observable<SftpFile> {
    const attributes = { size: this.#size, permissions: 0o100600 };
    return of({
      takesParallelWrites: true,
      read: (into: Uint8Array, position: number) => {
        const bytes = into.subarray(0, Math.max(0, this.#size - position));
        fill(bytes, position);
        return of(bytes.length);
      },
      write: (bytes: Uint8Array, position: number) => {
        if (!isPattern(bytes, position)) throw new Error(`not what is at ${String(position)}`);
        this.taken += bytes.length;
        return of(0);
      },
      stat: () => of(attributes),
      setstat: () => of(0),
      close: () => of(0),
    });
  }

  posixRename(): Observable<number> {
    return of(0);
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
        const { heapUsed, external } = process.memoryUsage();
        most = Math.max(most, heapUsed + external - before);
      });
      const events = await overTcp(server, (fs) =>
        concat(fs.get('/big', local('big')), fs.put(local('big'), '/put')).pipe(watch),
      );
      expect(events.filter(({ state }) => state === 'done')).toMatchObject([
        { bytes: GIB, target: { text: local('big') } },
        { bytes: GIB, target: { text: '/put' } },
      ]);
      expect([statSync(local('big')).size, server.taken]).toEqual([GIB, GIB]);
      expect(most).toBeLessThan(150 * MiB);
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
        const { heapUsed, external } = process.memoryUsage();
        most = Math.max(most, heapUsed + external - before);
      });
      // what is read is written again, through the same session
      const [taken] = await overTcp(server, (fs) =>
        fs
          .write('/put')
          .pump(fs.read('/big').pipe(look))
          .pipe(reduce((_, bytes) => bytes, 0)),
      );
      expect([taken, at, server.taken]).toEqual([GIB, GIB, GIB]);
      expect(most).toBeLessThan(150 * MiB);
    },
    TIMEOUT_MS,
  );
});

it('a file is written and read beyond 5 GiB', async () => {
  const at = 5 * GIB + 3;
  const written = period.subarray(0, MiB + 1);
  const read = await overTcp(nodeFileSystem({ root: folder }), (fs) =>
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
    const client = await connected(wired(files));
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

/** A client in memory whose server has these files, and whose wire may be a bad one. */
function wired(files: SftpFileSystem, chaos: ChaosOptions = {}): Observable<SshClient> {
  return defer(() => {
    const [near, far] = memoryPair();
    const subsystems = { sftp: sftpServer(files) };
    const options = { hostKeys: [hostKey], authenticate: () => of(true), subsystems };
    keepOpen(serve(far, options).subscribe());
    return connect({
      ...{ duplex: of(new ChaosDuplex(near, chaos)), localFiles },
      ...{ host: 'db1', user: 'alice', password: 'secret' },
      hostKeys: { policy: 'pinned', fingerprints: [fingerprint(hostKey.publicKey)] },
    });
  });
}

describe('a transfer', () => {
  it('goes on while both sides ask for new keys at every turn', async () => {
    const size = 6 * MiB;
    const { client$, events } = embedded(() => of(0), {
      server: { subsystems: { sftp: sftpServer(new PatternServer(size)) } },
      client: { localFiles },
    });
    const client = await connected(client$);
    const served = events.find((event) => event.type === 'authenticated')?.connection;
    let rekeys = 0;
    let isOver = false;
    const again = (): void => {
      rekeys++;
      if (isOver) return;
      client.rekey().subscribe({ error: () => undefined });
      served?.rekey();
    };
    // a turn for the disk in between: the wire itself needs none
    keepOpen(client.rekeyed$.subscribe(() => void turn().then(again)));
    again();
    const fs$ = of(client).pipe(
      sftp((fs) =>
        concat(
          fs.get('/big', local('got')),
          fs.put(local('got'), '/put'),
          fs.get('/big', local('got')),
        ),
      ),
    );
    await done(fs$);
    isOver = true;
    expect(rekeys).toBeGreaterThan(10);
    expect(isPattern(readFileSync(local('got')), 0)).toBe(true);
  });

  it.each(['get', 'put'] as const)(
    '(%s) that is cut off anywhere is resumed, and there is no file before it is whole',
    async (way) => {
      const size = MiB;
      const content = period.subarray(0, size);
      const files = memoryFileSystem();
      writeFileSync(local('source'), content);
      const run = (
        work: (fs: SftpClient) => Observable<unknown>,
        chaos?: ChaosOptions,
      ): Promise<unknown> => done(wired(files, chaos).pipe(sftp(work)));
      await run((fs) => fs.writeFile('/source', content));
      const random = seeded(20_261_122);
      let resumed = 0;
      for (let cut = 0; cut < CUTS; cut++) {
        const name = `t${String(cut)}`;
        const direction = way === 'get' ? 'in' : 'out';
        const how = cut % 2 === 0 ? 'reset' : 'fin';
        const transfer = (fs: SftpClient): Observable<TransferProgress> =>
          way === 'get'
            ? fs.get('/source', local(name), { resume: true })
            : fs.put(local('source'), `/${name}`, { resume: true });
        const at = Math.floor(random() * size);
        await expect(run(transfer, { cut: { direction, at, how } })).rejects.toMatchObject({
          name: 'SshError',
        });
        if (way === 'get') expect(existsSync(local(name))).toBe(false);
        else await run((fs) => fs.exists(`/${name}`).pipe(tap((is) => expect(is).toBe(false))));
        const count = tap<TransferProgress>((event) => {
          if (event.state === 'done') resumed += event.resumed;
        });
        await run((fs) => transfer(fs).pipe(count));
        if (way === 'put') await run((fs) => fs.get(`/${name}`, local(name)));
        expect(readFileSync(local(name)).equals(content)).toBe(true);
      }
      // half of each on the average, less what was under way
      expect(resumed).toBeGreaterThan((CUTS * size) / 8);
    },
    TIMEOUT_MS,
  );
});

describe('a disk (X21)', () => {
  /** What a transfer fails with, and what is on the server behind it, by the same session. */
  async function failing(
    files: SftpFileSystem,
    transfer: (fs: SftpClient) => Observable<unknown>,
  ): Promise<unknown[]> {
    const work = (fs: SftpClient): Observable<unknown> =>
      concat(
        transfer(fs).pipe(
          ignoreElements(),
          catchError((error: unknown) => of(error)),
        ),
        fs.list('/').pipe(map(({ name }) => name.text)),
      );
    return lastValueFrom(wired(files).pipe(sftp(work), toArray()));
  }

  it('that is full leaves nothing of what is put, and the session goes on', async () => {
    writeFileSync(local('source'), period.subarray(0, 3 * MiB));
    const files = memoryFileSystem({ quota: 2 * MiB });
    const seen = await failing(files, (fs) => fs.put(local('source'), '/x'));
    expect(seen).toMatchObject([{ kind: 'sftp', detail: { name: 'FAILURE', operation: 'write' } }]);
  });

  it('that cannot be read leaves nothing of what is got, and the session goes on', async () => {
    const files = new PatternServer(3 * MiB);
    const open = (): Observable<SftpFile> =>
      files.open().pipe(
        map((file) => ({
          ...file,
          read: (into, position) => {
            if (position > MiB) throw Object.assign(new Error('disk'), { code: 'EIO' });
            return file.read(into, position);
          },
        })),
      );
    const opendir = (): [] => [];
    const stat = files.stat.bind(files);
    const served = {
      open,
      opendir,
      stat: (path: FileName) => (path.text === '/' ? of({}) : stat(path)),
    };
    const seen = await failing(served, (fs) => fs.get('/big', local('x')));
    expect(seen).toMatchObject([{ kind: 'sftp', detail: { name: 'FAILURE', operation: 'read' } }]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** Numbers from 0 to 1, the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
