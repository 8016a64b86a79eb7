import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { concat, defer, from, NEVER, Observable, of, throwError } from 'rxjs';
import { deliver } from '../../../src/operators/credit.ts';
import type { PacketOf, ReplyPacket } from '../../../src/sftp/packets.ts';
import type { WriteOptions } from '../../../src/sftp/client/sftp-client.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { concatBytes, utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, keepOpen, turn } from '../../support/embedded.ts';
import { OneFile, SftpScript, status } from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

const MiB = 1024 * 1024;

/** A script whose WRITEs are answered by `write`, and everything else as by a server with one file. */
function writesBy(
  file: OneFile,
  write: (request: PacketOf<'WRITE'>) => readonly ReplyPacket[],
  length = 10,
): SftpScript {
  return new SftpScript({
    length,
    answer: (request) => (request.type === 'WRITE' ? write(request) : file.answer(request)),
  });
}

function pieces(script: SftpScript): string[] {
  return script.of('WRITE').map(({ offset, data }) => `${String(offset)} ${utf8Text(data)}`);
}

describe('writing a file', () => {
  it('is the bytes of the source, whatever its chunks', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 35 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), async (source, isPulled) => {
        const file = new OneFile();
        const script = new SftpScript({ length: 10, answer: file.answer });
        const fs = await script.client();
        const all = concatBytes(source);
        const pump$ = fs.write('/f').pump(isPulled ? source : from(source));
        expect((await allOf(pump$)).slice(-2)).toEqual([all.length, 'complete']);
        expect(file.content).toEqual(all);
        expect(file.openHandles).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('asks for the file that the options say', async () => {
    const opens = async (options: WriteOptions): Promise<unknown> => {
      const script = writesBy(new OneFile(), ({ id }) => [status(id)]);
      const fs = await script.client();
      await allOf(fs.writeFile('/f', 'x', options));
      const [open] = script.of('OPEN');
      return { flags: open?.flags, ...open?.attributes, offset: script.of('WRITE')[0]?.offset };
    };
    expect(await opens({})).toEqual({ flags: 0x1a, offset: 0n });
    expect(await opens({ mode: 0o600 })).toEqual({ flags: 0x1a, permissions: 0o600, offset: 0n });
    expect(await opens({ flags: 'r+', start: 7 })).toEqual({ flags: 3, offset: 7n });
    expect(await opens({ flags: 'wx' })).toEqual({ flags: 0x3a, offset: 0n });
    expect(await opens({ flags: 'a' })).toEqual({ flags: 0x0e, offset: 0n });
    expect(await opens({ flags: 'r+', start: 5 * 2 ** 30 })).toEqual({
      ...{ flags: 3, offset: 5n * 2n ** 30n },
    });
  });

  it.each([-1, 1.5, 2 ** 53])('refuses to begin at %s (SC12)', async (start) => {
    const file = new OneFile();
    const script = new SftpScript({ answer: file.answer });
    const fs = await script.client();
    expect(await allOf(fs.writeFile('/f', 'x', { start }))).toMatchObject([{ kind: 'config' }]);
    await turn();
    expect(file.openHandles).toBe(0);
  });

  it('sends what comes at once while nothing is on its way, and gathers what comes meanwhile', async () => {
    const waiting: PacketOf<'WRITE'>[] = [];
    const script = writesBy(new OneFile(), (request) => {
      waiting.push(request);
      return [];
    });
    const fs = await script.client();
    keepOpen(
      fs
        .write('/f')
        .pump(concat(of('a', 'bc', 'def'), NEVER))
        .subscribe({ error: () => {} }),
    );
    await turn();
    expect(pieces(script)).toEqual(['0 a']);
    await script.say(...waiting.splice(0).map(({ id }) => status(id)));
    expect(pieces(script)).toEqual(['0 a', '1 bcdef']);
  });

  it('completes when the server has confirmed all and has closed the file', async () => {
    const requests: { readonly type: string; readonly id: number }[] = [];
    const script: SftpScript = new SftpScript({
      length: 10,
      answer: (request) => {
        if (request.type === 'OPEN') return new OneFile().answer(request);
        requests.push(request);
        return [];
      },
    });
    const fs = await script.client();
    let isComplete = false;
    keepOpen(fs.writeFile('/f', 'abc').subscribe({ complete: () => (isComplete = true) }));
    for (const type of ['WRITE', 'CLOSE']) {
      await turn();
      expect(isComplete).toBe(false);
      expect(requests.map((request) => request.type)).toEqual([type]);
      await script.say(...requests.splice(0).map(({ id }) => status(id)));
    }
    expect(isComplete).toBe(true);
  });

  it('errors with what CLOSE says', async () => {
    const file = new OneFile();
    const script = new SftpScript({
      answer: (request) =>
        request.type === 'CLOSE'
          ? [status(request.id, StatusCode.FAILURE, 'quota exceeded')]
          : file.answer(request),
    });
    const fs = await script.client();
    expect(await allOf(fs.writeFile('/f', 'abc'))).toMatchObject([
      { kind: 'sftp', message: 'close /f: quota exceeded' },
    ]);
  });

  it('ends with the first refusal, stops its source and closes the file', async () => {
    const file = new OneFile();
    const script = writesBy(file, ({ id, offset }) => [
      offset < 30n ? status(id) : status(id, StatusCode.PERMISSION_DENIED, 'full'),
    ]);
    const fs = await script.client();
    let isStopped = false;
    const source = new Observable<string>((out) => {
      const next = (): void => {
        if (!out.closed) deliver(out, '0123456789', () => void turn().then(next));
      };
      next();
      return () => (isStopped = true);
    });
    const seen = await allOf(fs.write('/f').pump(source));
    expect(seen.at(-1)).toMatchObject({
      ...{ kind: 'sftp', message: 'write /f: full', detail: { position: 30 } },
    });
    expect(isStopped).toBe(true);
    await turn();
    expect(file.openHandles).toBe(0);
  });

  it('passes on what the source errors with, behind the bytes before it', async () => {
    const file = new OneFile();
    const script = new SftpScript({ length: 10, answer: file.answer });
    const fs = await script.client();
    const broken = concat(
      of('abc'),
      defer(() => throwError(() => new Error('broken'))),
    );
    expect(await allOf(fs.write('/f').pump(broken))).toEqual([3, new Error('broken')]);
    await turn();
    expect(utf8Text(file.content)).toBe('abc');
    expect(file.openHandles).toBe(0);
  });

  it('has a bounded number of bytes on their way, and takes no more from its source', async () => {
    const waiting: PacketOf<'WRITE'>[] = [];
    const script = writesBy(
      new OneFile(),
      (request) => {
        // the first ones are confirmed, so that the budget is what it is for a fast server
        if (request.offset < 40n * BigInt(MiB / 16)) return [status(request.id)];
        waiting.push(request);
        return [];
      },
      MiB / 16,
    );
    const fs = await script.client();
    let asked = 0;
    const source = (function* (): Generator<Uint8Array> {
      for (;;) {
        asked++;
        yield new Uint8Array(MiB / 16);
      }
    })();
    const writing = fs.write('/f').pump(source).subscribe();
    for (let i = 0; i < 300; i++) await turn();
    expect(waiting).toHaveLength(32);
    // one block is gathered, and one chunk waits
    expect(asked).toBe(40 + 32 + 2);
    await script.say(...waiting.splice(0, 1).map(({ id }) => status(id)));
    await turn();
    expect(asked).toBe(40 + 32 + 3);
    writing.unsubscribe();
    await turn();
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('goes on one at a time with a server that refuses requests side by side', async () => {
    const file = new OneFile();
    let atWork = 0;
    let refusals = 0;
    const script: SftpScript = writesBy(file, (request) => {
      atWork++;
      void turn().then(() => {
        const isAlone = atWork === 1;
        if (!isAlone) refusals++;
        const [reply = status(request.id)] = isAlone
          ? file.answer(request)
          : [status(request.id, StatusCode.FAILURE)];
        atWork--;
        void script.say(reply);
      });
      return [];
    });
    const fs = await script.client();
    const text = 'The quick brown fox jumps over the lazy dog, and the dog sleeps on.'.repeat(3);
    expect(await allOf(fs.writeFile('/f', text))).toEqual(['complete']);
    expect(utf8Text(file.content)).toBe(text);
    expect(refusals).toBeGreaterThan(0);
  });

  it('sends nothing twice into a file that is appended to', async () => {
    const script = writesBy(new OneFile(), ({ id, offset }) => [
      offset === 0n ? status(id) : status(id, StatusCode.FAILURE),
    ]);
    const fs = await script.client();
    const seen = await allOf(fs.appendFile('/f', 'x'.repeat(35)));
    expect(seen).toMatchObject([{ kind: 'sftp' }]);
    const offsets = script.of('WRITE').map(({ offset }) => offset);
    expect(new Set(offsets).size).toBe(offsets.length);
  });

  it('opens nothing before it is subscribed to, and each time anew', async () => {
    const file = new OneFile();
    const script = new SftpScript({ answer: file.answer });
    const fs = await script.client();
    const write$ = fs.writeFile('/f', 'abc');
    await turn();
    expect(script.take()).toEqual([]);
    await allOf(write$);
    await allOf(write$);
    expect(script.take()).toEqual(['OPEN', 'WRITE', 'CLOSE', 'OPEN', 'WRITE', 'CLOSE']);
  });
});
