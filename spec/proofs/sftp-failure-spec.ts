/** Our SFTP client on our SFTP server, over SSH: through new keys, cut off anywhere, on disks that fail. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  catchError,
  concat,
  defer,
  ignoreElements,
  lastValueFrom,
  map,
  type Observable,
  of,
  tap,
  toArray,
} from 'rxjs';
import { connect } from '../../src/client/connect.ts';
import type { SshClient } from '../../src/client/client.ts';
import type { SshError } from '../../src/errors.ts';
import { sftp } from '../../src/client/with-client.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { serve } from '../../src/server/serve.ts';
import type { FileEntry } from '../../src/sftp/client/directory-reader.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import type { FileName } from '../../src/sftp/file-name.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpFile, SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { localFiles } from '../../src/sftp/transfer/local-files-node.ts';
import type { TransferProgress } from '../../src/sftp/transfer/transfer-options.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { ChaosDuplex, type ChaosOptions } from '../support/chaos.ts';
import { closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';
import { MiB } from '../support/memory.ts';
import { done } from '../support/sftp-pair.ts';
import { hostKey } from '../support/transports.ts';
import { isPattern, PatternServer, period } from '../support/pattern-server.ts';
import { useTempFolder } from '../support/temp-folder.ts';
const TIMEOUT_MS = 120_000;
const CUTS = 50;

afterEach(closeEmbedded);
const local = useTempFolder();

/** How much of a file there is under its hidden name, in bytes. */
function keptHere(): number {
  const name = readdirSync(local()).find((each) => each.startsWith('.'));
  return name === undefined ? 0 : statSync(local(name)).size;
}

/** The same on the server. */
async function keptThere(
  run: (work: (fs: SftpClient) => Observable<unknown>) => Promise<unknown>,
): Promise<number> {
  let kept = 0;
  const look = tap<FileEntry>(({ name, attributes }) => {
    if (name.text.startsWith('.')) kept = attributes.size ?? 0;
  });
  await run((fs) => fs.list('/').pipe(look));
  return kept;
}

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
        const kept = way === 'get' ? keptHere() : await keptThere(run);
        const count = tap<TransferProgress>((event) => {
          if (event.state !== 'done') return;
          // what is there already is not asked for again
          expect(event.resumed).toBeGreaterThanOrEqual(kept);
          resumed += event.resumed;
        });
        await run((fs) => transfer(fs).pipe(count));
        if (way === 'put') await run((fs) => fs.get(`/${name}`, local(name)));
        expect(readFileSync(local(name)).equals(content)).toBe(true);
      }
      // how much was on the disk by then is the machine's business
      expect(resumed).toBeGreaterThan(0);
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
    // the WRITE that crosses the end of the room, or the one behind it that was told of first
    const { position = 0 } = (seen[0] as SshError<'sftp'>).detail;
    expect(position).toBeGreaterThan(2 * MiB - 512 * 1024);
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
    // the first READ that begins behind what can be read
    const { position = 0 } = (seen[0] as SshError<'sftp'>).detail;
    expect(position).toBeGreaterThan(MiB);
    expect(position).toBeLessThanOrEqual(MiB + 256 * 1024);
    expect(readdirSync(local())).toEqual([]);
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
