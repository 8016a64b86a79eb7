/** Clients that break rules, ask for too much, or go away. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY, finalize, NEVER, Observable, of, Subject } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { deliver, isDelivering } from '../../src/operators/credit.ts';
import { fromPull } from '../../src/operators/from-pull.ts';
import type {
  DirectoryEntry,
  SftpFile,
  SftpFileSystem,
} from '../../src/sftp/server/file-system.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import {
  encodePacket,
  LARGEST_DATA,
  LARGEST_PACKET,
  type PacketOf,
  type RequestPacket,
} from '../../src/sftp/packets.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { processorTime } from '../support/processor-time.ts';
import { concatBytes, utf8Text, writeUint32 } from '../../src/wire/bytes.ts';
import {
  bytes,
  CREAT,
  RawSftpClient,
  READ,
  shown,
  startRawClient,
  WRITE,
} from './raw-sftp-client.ts';

const path = bytes('/a');

/** One request of each kind, with an id. */
const REQUESTS: readonly RequestPacket[] = [
  {
    type: 'OPEN',
    id: 1,
    path,
    flags: READ,
    attributes: { size: 1, extended: [{ type: 'x', data: path }] },
  },
  { type: 'CLOSE', id: 1, handle: path },
  { type: 'READ', id: 1, handle: path, offset: 1n, length: 1 },
  { type: 'WRITE', id: 1, handle: path, offset: 1n, data: path },
  { type: 'LSTAT', id: 1, path },
  { type: 'FSTAT', id: 1, handle: path },
  { type: 'SETSTAT', id: 1, path, attributes: { permissions: 1 } },
  { type: 'FSETSTAT', id: 1, handle: path, attributes: { uid: 1, gid: 1 } },
  { type: 'OPENDIR', id: 1, path },
  { type: 'READDIR', id: 1, handle: path },
  { type: 'REMOVE', id: 1, path },
  { type: 'MKDIR', id: 1, path, attributes: {} },
  { type: 'RMDIR', id: 1, path },
  { type: 'REALPATH', id: 1, path },
  { type: 'STAT', id: 1, path },
  { type: 'RENAME', id: 1, oldPath: path, newPath: path },
  { type: 'READLINK', id: 1, path },
  { type: 'SYMLINK', id: 1, target: path, link: path },
  { type: 'EXTENDED', id: 1, request: 'posix-rename@openssh.com', data: path },
];

/** A packet with its length in front. */
function framed(packet: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  writeUint32(length, 0, packet.length);
  return concatBytes([length, packet]);
}

describe('framing (SS7)', () => {
  it.each([0, LARGEST_PACKET + 1, 0xffff_ffff])(
    'a length of %i ends the session',
    async (length) => {
      const client = await startRawClient(memoryFileSystem());
      const head = new Uint8Array(4);
      writeUint32(head, 0, length);
      client.send(head);
      expect(client.outcome).toEqual([expect.objectContaining({ kind: 'protocol' })]);
    },
  );

  it('INIT is first', () => {
    for (const request of REQUESTS) {
      const client = new RawSftpClient(memoryFileSystem());
      client.send(encodePacket(request));
      expect([request.type, client.outcome]).toEqual([
        request.type,
        [expect.objectContaining({ kind: 'protocol' })],
      ]);
    }
  });

  it('and comes once', async () => {
    const client = await startRawClient(memoryFileSystem());
    client.send(encodePacket({ type: 'INIT', version: 3, extensions: [] }));
    expect(isSshError(client.outcome?.[0], 'protocol')).toBe(true);
  });

  it('a shell that is spoken to by mistake gets no answer', () => {
    const client = new RawSftpClient(memoryFileSystem());
    client.send(bytes('GET / HTTP/1.0\r\n\r\n'));
    expect(isSshError(client.outcome?.[0], 'protocol')).toBe(true);
  });

  it('types that there are none of are OP_UNSUPPORTED, one after the other', async () => {
    const client = await startRawClient(memoryFileSystem());
    for (const type of [0, 2, 21, 22, 101, 199, 201, 255]) {
      const packet = Uint8Array.of(type, 0, 0, 0, type);
      expect([type, shown(await client.answerTo(type, framed(packet)))]).toEqual([
        type,
        'OP_UNSUPPORTED',
      ]);
    }
  });

  it.each(REQUESTS.map((request) => [request.type, request] as const))(
    '%s cut off at any byte is BAD_MESSAGE, or the end',
    async (_, request) => {
      const whole = encodePacket(request).subarray(4);
      for (let length = 1; length < whole.length; length++) {
        const client = await startRawClient(memoryFileSystem());
        const answer = client.answerTo(1, framed(whole.subarray(0, length)));
        if (length < 5) expect(isSshError(client.outcome?.[0], 'protocol')).toBe(true);
        else if (request.type !== 'EXTENDED' || length < 33)
          expect([length, shown(await answer)]).toEqual([length, 'BAD_MESSAGE']);
      }
    },
  );

  it('counts of attributes that cannot be are BAD_MESSAGE at once (SS11)', async () => {
    const client = await startRawClient(memoryFileSystem());
    const setstat = encodePacket({ type: 'SETSTAT', id: 7, path, attributes: {} }).subarray(4);
    const attributes = Uint8Array.of(0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1);
    const spent = processorTime();
    const packet = concatBytes([setstat.subarray(0, -4), attributes]);
    expect(shown(await client.answerTo(7, framed(packet)))).toBe('BAD_MESSAGE');
    expect(spent()).toBeLessThan(200);
  });
});

describe('handles (SS5)', () => {
  it('that are none are FAILURE: unknown, closed, of another session, of any length, of another kind', async () => {
    const fileSystem = memoryFileSystem();
    const client = await startRawClient(fileSystem);
    const other = await startRawClient(fileSystem);
    await client.write('/a', 'a');
    const closed = await client.open('/a');
    expect(await client.close(closed)).toBe('OK');
    const foreign = await other.open('/a');
    const directory = await client.opendir('/');
    const file = await client.open('/a');
    const none = [new Uint8Array(0), new Uint8Array(12), new Uint8Array(257), closed, foreign];
    for (const handle of none)
      for (const request of [
        { type: 'READ', handle, offset: 0n, length: 1 },
        { type: 'WRITE', handle, offset: 0n, data: path },
        { type: 'FSTAT', handle },
        { type: 'FSETSTAT', handle, attributes: {} },
        { type: 'READDIR', handle },
        { type: 'CLOSE', handle },
      ] as const)
        expect([request, await client.statusOf(request)]).toEqual([request, 'FAILURE']);
    const read = { type: 'READ', handle: directory, offset: 0n, length: 1 } as const;
    expect(await client.statusOf(read)).toBe('FAILURE');
    expect(await client.statusOf({ type: 'READDIR', handle: file })).toBe('FAILURE');
    expect(await client.read('/a')).toBe('a');
  });

  it('are 256 at the most, also when all are asked for at once, and free again when closed', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'a');
    const open = { type: 'OPEN', path, flags: READ, attributes: {} } as const;
    const replies = await Promise.all(Array.from({ length: 1025 }, () => client.ask(open)));
    const opened = replies.filter((reply): reply is PacketOf<'HANDLE'> => reply.type === 'HANDLE');
    expect(opened).toHaveLength(256);
    expect(replies.filter((reply) => shown(reply) === 'FAILURE')).toHaveLength(769);
    expect(await client.statusOf({ type: 'OPENDIR', path: bytes('/') })).toBe('FAILURE');
    await client.close(opened[0]?.handle ?? path);
    expect(await client.statusOf(open)).toBe('HANDLE');
    expect(await client.statusOf(open)).toBe('FAILURE');
  });

  it('are counted while they are being opened', async () => {
    const client = await startRawClient(
      { open: () => NEVER, stat: () => EMPTY },
      { limits: { handles: 2 } },
    );
    const open = { type: 'OPEN', path, flags: READ, attributes: {} } as const;
    void client.ask(open);
    void client.ask(open);
    expect(await client.statusOf(open)).toBe('FAILURE');
  });
});

/** A file system that does nothing until it is told to. */
class SlowFileSystem implements SftpFileSystem {
  readonly log: string[] = [];
  readonly reads: (() => void)[] = [];
  isOpenLate = false;
  readonly opening = new Subject<SftpFile>();

  open(): Observable<SftpFile> {
    return this.isOpenLate ? this.opening : of(this.file('f'));
  }

  stat(): Observable<never> {
    return EMPTY;
  }

  opendir(): Observable<DirectoryEntry> {
    const name = bytes('x'.repeat(100));
    return fromPull(endless({ name, attributes: { size: 1 } })).pipe(
      finalize(() => this.log.push('dir closed')),
    );
  }

  file(name: string): SftpFile {
    return {
      read: () =>
        new Observable((out) => {
          this.log.push(`read ${name}`);
          this.reads.push(() => {
            out.next(1);
            out.complete();
          });
          return () => this.log.push(`left ${name}`);
        }),
      write: () => EMPTY,
      stat: () => of({ size: 0 }),
      setstat: () => EMPTY,
      close: () => {
        this.log.push(`close ${name}`);
        return EMPTY;
      },
    };
  }
}

function* endless(entry: DirectoryEntry): Generator<DirectoryEntry> {
  for (let i = 0; i < 100_000; i++) yield entry;
}

describe('the end of a session (SS16)', () => {
  it('stops what is at work, and closes every file once', async () => {
    const slow = new SlowFileSystem();
    const client = await startRawClient(slow);
    const handle = await client.open('/a');
    await client.open('/a');
    await client.opendir('/d');
    void client.ask({ type: 'READ', handle, offset: 0n, length: 1 });
    client.drop();
    expect(slow.log.slice(0, 2)).toEqual(['read f', 'left f']);
    expect(slow.log.slice(2).sort()).toEqual(['close f', 'close f', 'dir closed']);
  });

  it('closes a file that is opened too late', async () => {
    const slow = new SlowFileSystem();
    slow.isOpenLate = true;
    const client = await startRawClient(slow);
    void client.ask({ type: 'OPEN', path, flags: READ, attributes: {} });
    client.drop();
    expect(slow.log).toEqual([]);
    slow.opening.next(slow.file('late'));
    expect(slow.log).toEqual(['close late']);
  });
});

describe('many requests (SS12)', () => {
  const MANY = 100_000;
  /** Sends requests with credit, as a channel does: stops when too much is not acknowledged. */
  function flood(
    fileSystem: SftpFileSystem,
    prepare: (client: RawSftpClient) => Promise<Uint8Array>,
  ): Promise<{ readonly client: RawSftpClient; readonly sent: () => number }> {
    const BUDGET = 64 * 1024;
    const input = new Subject<Uint8Array>();
    const client = new RawSftpClient(fileSystem, {}, input);
    client.send = (whole) => input.next(whole);
    return client.start().then(async () => {
      const request = await prepare(client);
      client.isStalled = true;
      let unacknowledged = 0;
      let sent = 0;
      const pour = (): void => {
        while (unacknowledged < BUDGET && sent < MANY) {
          const chunk = request.slice();
          const cost = Math.max(256, Math.min(chunk.length, 32_768));
          unacknowledged += cost;
          sent++;
          expect(isDelivering()).toBe(false);
          deliver(input, chunk, () => (unacknowledged -= cost));
        }
      };
      pour();
      return { client, sent: () => sent };
    });
  }

  it('READs of a client that takes no answers are bounded', async () => {
    const before = await memoryInUse();
    const { client, sent } = await flood(memoryFileSystem(), async (raw) => {
      const handle = await raw.open('/a', READ | WRITE | CREAT);
      await raw.ask({ type: 'FSETSTAT', handle, attributes: { size: 2 ** 30 } });
      return encodePacket({ type: 'READ', id: 9, handle, offset: 0n, length: LARGEST_DATA });
    });
    expect(sent()).toBeLessThan(64 + 256 + 2);
    expect((await memoryInUse()) - before).toBeLessThan(32 * MiB);
    client.drop();
  });

  it('so are WRITEs into a file that is slow', async () => {
    const before = await memoryInUse();
    const stuck: SftpFileSystem = {
      stat: () => EMPTY,
      open: () => of({ ...new SlowFileSystem().file('w'), write: () => NEVER }),
    };
    const { client, sent } = await flood(stuck, async (raw) => {
      const handle = await raw.open('/a', WRITE);
      const data = new Uint8Array(LARGEST_DATA);
      return encodePacket({ type: 'WRITE', id: 9, handle, offset: 0n, data });
    });
    expect(sent()).toBeLessThan(14);
    expect((await memoryInUse()) - before).toBeLessThan(16 * MiB);
    client.drop();
  });

  it('answers all of them when it is read on', async () => {
    const client = await startRawClient(memoryFileSystem());
    await client.write('/a', 'abc');
    const handle = await client.open('/a');
    const read = { type: 'READ', handle, offset: 1n, length: 1 } as const;
    const replies = await Promise.all(Array.from({ length: 5000 }, () => client.ask(read)));
    expect(replies.every((reply) => reply.type === 'DATA' && utf8Text(reply.data) === 'b')).toBe(
      true,
    );
  });
});

describe('large folders (SS13)', () => {
  it('of 100,000 entries are asked for as the client reads, at most 100 at a time', async () => {
    let given = 0;
    const client = await startRawClient({
      ...lazyOf(new SlowFileSystem()),
      opendir: () => counted(() => given++),
    });
    const handle = await client.opendir('/');
    expect(given).toBeLessThanOrEqual(201);
    const first = (await client.ask({ type: 'READDIR', handle })) as PacketOf<'NAME'>;
    expect(first.names).toHaveLength(100);
    expect(given).toBeLessThanOrEqual(301);
    expect(await client.close(handle)).toBe('OK');
    expect(given).toBeLessThanOrEqual(301);
  });

  it('have answers that fit into a packet, however long the names', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `${i}`.padEnd(4000, 'n'));
    const client = await startRawClient({
      ...lazyOf(new SlowFileSystem()),
      opendir: () => names.map((name) => ({ name, attributes: {} })),
    });
    expect(await client.list('/')).toEqual([...names].sort());
  });

  it('whose entries break off end with the error, behind what came before', async () => {
    const client = await startRawClient({
      ...lazyOf(new SlowFileSystem()),
      *opendir() {
        yield { name: 'a', attributes: {} };
        throw Object.assign(new Error('EIO'), { code: 'EACCES' });
      },
    });
    const handle = await client.opendir('/');
    expect(await client.statusOf({ type: 'READDIR', handle })).toBe('NAME');
    expect(await client.statusOf({ type: 'READDIR', handle })).toBe('PERMISSION_DENIED');
  });
});

function lazyOf(slow: SlowFileSystem): SftpFileSystem {
  return { open: () => slow.open(), stat: () => slow.stat() };
}

function* counted(count: () => void): Generator<DirectoryEntry> {
  for (let i = 0; i < 100_000; i++) {
    count();
    yield { name: `${i}`.padEnd(255, 'x'), attributes: {} };
  }
}
