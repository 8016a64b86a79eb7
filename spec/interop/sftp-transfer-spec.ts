/** Getting and putting files and trees, against OpenSSH's sftp-server. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type AddressInfo, connect as dial, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  defer,
  filter,
  forkJoin,
  lastValueFrom,
  type Observable,
  take,
  tap,
  toArray,
} from 'rxjs';
import { sftp, type SftpClient, type TransferProgress } from '../../src/node.ts';
import { fileName } from '../../src/sftp/file-name.ts';
import { partPath } from '../../src/sftp/transfer/part-name.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, usePeer } from '../support/peers/peer.ts';
import { until } from '../support/sftp-pair.ts';
import { hasTestAccount } from '../support/peers/account.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 120_000;
const FILES = 2000;
const CUTS = 50;
/** A small disk can only be had by root, and not in every container. */
const mayMount = hasTestAccount && spawnSync('unshare', ['-m', 'true']).status === 0;

const at = useTempFolder();
beforeEach(() => {
  chmodSync(at(), 0o777);
});

/** A folder that the server may write to. */
function openFolder(...names: string[]): string {
  mkdirSync(at(...names));
  chmodSync(at(...names), 0o777);
  return at(...names);
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Names, kinds, contents and links of everything in a tree. */
function portrait(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(root, name);
      const stats = lstatSync(path);
      if (stats.isDirectory()) return `${name}/`;
      return stats.isSymbolicLink()
        ? `${name} -> ${readlinkSync(path)}`
        : `${name} ${hashOf(path)}`;
    });
}

function run<T>(peer: Peer, work: (fs: SftpClient) => Observable<T>): Promise<T[]> {
  return lastValueFrom(connectTo(peer).pipe(sftp(work), toArray()));
}

/** The same server behind another port. */
function behind(peer: Peer, port: number): Peer {
  const lineOf = (line: string): string =>
    line.replace(`:${String(peer.port)}`, `:${String(port)}`);
  return { ...peer, port, knownHostsLines: peer.knownHostsLines.map(lineOf) };
}

describeWithPeer('sshd', 'get and put with sftp-server', () => {
  const peer = usePeer(() => startSshd());

  it(
    `carry ${String(FILES)} small files each way`,
    async () => {
      openFolder('many');
      for (let i = 0; i < FILES; i++)
        writeFileSync(at('many', `f${String(i)}`), randomBytes(i % 8192));
      openFolder('put');
      const options = { recursive: true, concurrency: 16 };
      const events = await run(peer(), (fs) =>
        concat(
          fs.put(at('many'), at('put/many'), options),
          fs.get(at('put/many'), at('got'), options),
        ),
      );
      expect(events.filter(({ state }) => state === 'done')).toHaveLength(2 * FILES);
      const expected = portrait(at('many'));
      expect(portrait(at('put/many'))).toEqual(expected);
      expect(portrait(at('got'))).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  it('carry a tree with links, permissions and times', async () => {
    mkdirSync(at('tree/deep/er'), { recursive: true });
    writeFileSync(at('tree/run'), '#!/bin/sh\n');
    chmodSync(at('tree/run'), 0o4750);
    writeFileSync(at('tree/deep/er/x'), 'x');
    symlinkSync('deep/er', at('tree/link'));
    symlinkSync('/nowhere', at('tree/dangling'));
    for (const name of ['tree/run', 'tree/deep/er/x', 'tree/deep/er', 'tree/deep'])
      utimesSync(at(name), 1_000_000_000, 1_100_000_000);
    openFolder('put');
    const options = { recursive: true, preserve: true, symlinks: 'copy' } as const;
    await run(peer(), (fs) =>
      concat(fs.put(at('tree'), at('put/'), options), fs.get(at('put/tree'), at('got'), options)),
    );
    const expected = portrait(at('tree'));
    expect(expected).toContain('link -> deep/er');
    for (const copy of ['put/tree', 'got']) {
      expect(portrait(at(copy))).toEqual(expected);
      expect(lstatSync(at(copy, 'run')).mode & 0o7777).toBe(0o750);
      for (const name of ['run', 'deep/er/x', 'deep/er', 'deep'])
        expect([name, lstatSync(at(copy, name)).mtimeMs]).toEqual([name, 1_100_000_000_000]);
    }
  });

  it(
    'run side by side',
    async () => {
      openFolder('put');
      const names = Array.from({ length: 20 }, (_, index) => `f${String(index)}`);
      for (const name of names) writeFileSync(at(name), randomBytes(MIB + name.length));
      await run(peer(), (fs) =>
        forkJoin(
          names.map((name) =>
            concat(
              fs.put(at(name), at('put', name)),
              fs.get(at('put', name), at(`${name}.got`)),
            ).pipe(toArray()),
          ),
        ),
      );
      for (const name of names) expect(hashOf(at(`${name}.got`))).toBe(hashOf(at(name)));
    },
    TIMEOUT_MS,
  );

  it('go on beyond 5 GiB', async () => {
    const size = 5 * 1024 * MIB + 3;
    const tail = randomBytes(200_000);
    const source = openSync(at('big'), 'w');
    ftruncateSync(source, size);
    writeSync(source, tail, 0, tail.length, size);
    closeSync(source);
    const options = { resume: true, confirm: true };
    openFolder('put');
    for (const target of [at('got'), at('put/big')]) {
      const kept = openSync(partPath(fileName(utf8Bytes(target)), true).text, 'w', 0o666);
      ftruncateSync(kept, size);
      closeSync(kept);
    }
    chmodSync(partPath(fileName(utf8Bytes(at('put/big'))), true).text, 0o666);
    const events = await run(peer(), (fs) =>
      concat(fs.get(at('big'), at('got'), options), fs.put(at('big'), at('put/big'), options)),
    );
    for (const event of events.filter(({ state }) => state === 'done'))
      expect(event).toMatchObject({ bytes: size + tail.length, resumed: size });
    for (const target of ['got', 'put/big']) {
      expect(lstatSync(at(target)).size).toBe(size + tail.length);
      const fd = openSync(at(target), 'r');
      const end = Buffer.alloc(tail.length);
      readSync(fd, end, 0, end.length, size);
      closeSync(fd);
      expect(end.equals(tail)).toBe(true);
    }
  });

  describe.each(['get', 'put'] as const)('%s', (way) => {
    it(
      `is resumed where the connection was cut, at ${String(CUTS)} places`,
      async () => {
        const size = 3 * MIB;
        writeFileSync(at('source'), randomBytes(size));
        openFolder('put');
        const expected = hashOf(at('source'));
        const transfer = (fs: SftpClient, name: string): Observable<TransferProgress> =>
          way === 'get'
            ? fs.get(at('source'), at(name), { resume: true })
            : fs.put(at('source'), at('put', name), { resume: true });
        let resumed = 0;
        for (let cut = 0; cut < CUTS; cut++) {
          const name = `t${String(cut)}`;
          const bytes =
            6000 + Math.floor(((cut * 7919) % CUTS) * ((size - 6000) / CUTS)) + cut * 13;
          const proxy = await cuttingProxy(peer().port, bytes);
          await expect(
            run(behind(peer(), proxy.port), (fs) => transfer(fs, name)),
          ).rejects.toMatchObject({
            name: 'SshError',
          });
          proxy.close();
          const events = await run(peer(), (fs) => transfer(fs, name));
          resumed += events.at(-1)?.resumed ?? 0;
          expect(hashOf(at(way === 'get' ? name : join('put', name)))).toBe(expected);
          rmSync(at(way === 'get' ? name : join('put', name)));
        }
        expect(resumed).toBeGreaterThan((CUTS * size) / 8);
        expect(readdirSync(at('put'))).toEqual([]);
      },
      TIMEOUT_MS,
    );

    it('begins anew where what was kept is something else', async () => {
      writeFileSync(at('source'), randomBytes(MIB));
      openFolder('put');
      const target = at('put', 'x');
      const part = partPath(fileName(utf8Bytes(target)), true).text;
      writeFileSync(part, randomBytes(2 * MIB));
      chmodSync(part, 0o666);
      const events = await run(peer(), (fs) =>
        way === 'get'
          ? fs.get(at('source'), target, { resume: true })
          : fs.put(at('source'), target, { resume: true, verify: 'all' }),
      );
      expect(events.at(-1)).toMatchObject({ state: 'done', resumed: 0, bytes: MIB });
      expect(hashOf(target)).toBe(hashOf(at('source')));
    });

    const itWithDisk = mayMount ? it : it.skip;
    itWithDisk(
      'leaves nothing behind on a full disk (skipped where nothing may be mounted)',
      async () => {
        const disk = openFolder('disk');
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=777', 'none', disk]);
        expect(mounted.status).toBe(0);
        try {
          writeFileSync(at('source'), randomBytes(3 * MIB));
          const transfer$ = run(peer(), (fs) =>
            way === 'get'
              ? fs.get(at('source'), join(disk, 'x'))
              : fs.put(at('source'), join(disk, 'x')),
          );
          await expect(transfer$).rejects.toMatchObject(
            way === 'get'
              ? { kind: 'transfer', detail: { reason: 'local' }, cause: { code: 'ENOSPC' } }
              : { kind: 'sftp', detail: { name: 'FAILURE' } },
          );
          expect(readdirSync(disk)).toEqual([]);
        } finally {
          spawnSync('umount', [disk]);
        }
      },
    );
  });

  it('goes from host to host at the pace of the slower one', async () => {
    writeFileSync(at('source'), randomBytes(5 * MIB));
    openFolder('put');
    const copied$ = connectTo(peer()).pipe(
      sftp((from) =>
        connectTo(peer()).pipe(
          sftp((to) => to.write(at('put/copy')).pump(from.read(at('source')))),
        ),
      ),
    );
    expect(await lastValueFrom(copied$)).toBe(5 * MIB);
    expect(hashOf(at('put/copy'))).toBe(hashOf(at('source')));
  });

  it('tells how far it is, not more often than was asked for', async () => {
    writeFileSync(at('source'), randomBytes(20 * MIB));
    const events = await run(peer(), (fs) =>
      concat(
        fs.get(at('source'), at('a'), { progressInterval: 0 }),
        fs.get(at('source'), at('b'), { progressInterval: 1e9 }),
      ),
    );
    const running = events.filter(({ state }) => state === 'running');
    expect(running.length).toBeGreaterThan(10);
    expect(running.every(({ target }) => target.text === at('a'))).toBe(true);
    const bytes = running.map((event) => event.bytes);
    expect([...bytes].sort((a, b) => a - b)).toEqual(bytes);
  });

  describe.each([
    ['shrinks', 32 * MIB + 1],
    ['grows', 65 * MIB],
    ['is replaced', 64 * MIB],
  ] as const)('of a file that %s meanwhile (X22)', (change, newSize) => {
    const size = 64 * MIB;

    /** Gets the file, and changes it when the first bytes have come. */
    async function gotWhileItChanges(confirm: boolean): Promise<readonly TransferProgress[]> {
      writeFileSync(at('source'), randomBytes(size));
      chmodSync(at('source'), 0o666);
      let hasChanged = false;
      const changeIt = (): void => {
        if (hasChanged) return;
        hasChanged = true;
        if (change === 'shrinks') truncateSync(at('source'), newSize);
        else if (change === 'grows') appendFileSync(at('source'), randomBytes(newSize - size));
        else {
          renameSync(at('source'), at('before'));
          writeFileSync(at('source'), 'another file');
        }
      };
      const options = { confirm, progressInterval: 0 };
      const events = await run(peer(), (fs) =>
        fs.get(at('source'), at('got'), options).pipe(
          tap(({ state, bytes }) => {
            if (state === 'running' && bytes > 0) changeIt();
          }),
        ),
      );
      expect(hasChanged).toBe(true);
      return events;
    }

    it('get has what is there when the end is read, and tells both sizes', async () => {
      const events = await gotWhileItChanges(false);
      expect(events.at(-1)).toMatchObject({ state: 'done', bytes: newSize, total: size });
      expect(hashOf(at('got'))).toBe(hashOf(at(change === 'is replaced' ? 'before' : 'source')));
    });

    it('get with `confirm` is an error, unless the file that was opened is whole', async () => {
      const events$ = gotWhileItChanges(true);
      if (newSize === size) {
        expect((await events$).at(-1)).toMatchObject({ state: 'done', bytes: size });
      } else {
        await expect(events$).rejects.toMatchObject({
          kind: 'transfer',
          detail: { reason: 'size', bytes: newSize, expected: size },
        });
        expect(readdirSync(at())).toEqual(['source']);
      }
    });
  });

  it('leaves no part file on the server when it is let go', async () => {
    writeFileSync(at('source'), randomBytes(20 * MIB));
    openFolder('put');
    const isGone = (): boolean => readdirSync(at('put')).length === 0;
    await run(peer(), (fs) => {
      const put$ = fs.put(at('source'), at('put/x'), { progressInterval: 0 });
      const begun$ = put$.pipe(
        filter(({ state }) => state === 'running'),
        take(1),
      );
      return concat(
        begun$,
        defer(() => until(isGone)),
      );
    });
    expect(isGone()).toBe(true);
  });
});

/** Lets that many bytes through, counted both ways, and cuts the connection. */
async function cuttingProxy(
  port: number,
  bytes: number,
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((near) => {
    const far = dial(port, '127.0.0.1');
    let left = bytes;
    const cut = (): void => {
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      from.on('error', cut).on('close', cut);
      from.on('data', (chunk) => {
        to.write(chunk.subarray(0, Math.max(0, left)));
        left -= chunk.length;
        if (left <= 0) cut();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
