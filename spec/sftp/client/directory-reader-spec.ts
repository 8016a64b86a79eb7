import { afterEach, describe, expect, it } from '@jest/globals';
import { map, take } from 'rxjs';
import { holdCredit, type Release } from '../../../src/operators/credit.ts';
import type { PacketOf, ReplyPacket } from '../../../src/sftp/packets.ts';
import { StatusCode } from '../../../src/sftp/status.ts';
import { fromHex, utf8Bytes } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { type Answers, handle, names, SftpScript, status } from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

/** A script of a folder whose READDIRs are answered by `read`, with the number of the READDIR. */
function folder(read: (id: number, count: number) => Answers): SftpScript {
  let count = 0;
  return new SftpScript({
    answer: ({ type, id }) => {
      if (type === 'OPENDIR') return [handle(id)];
      return type === 'READDIR' ? read(id, count++) : [status(id)];
    },
  });
}

/** Answers of these names, and then the end. */
function lists(...answers: readonly (readonly (string | Uint8Array)[])[]): SftpScript {
  return folder((id, count) => {
    const list = answers[count];
    return [list === undefined ? status(id, StatusCode.EOF) : names(id, ...list)];
  });
}

async function namesIn(script: SftpScript): Promise<unknown[]> {
  const fs = await script.client();
  return allOf(fs.list('/srv').pipe(map(({ name }) => name.text)));
}

describe('listing a folder', () => {
  it('gives the entries of all answers, without dots, and closes it', async () => {
    const script = lists(['.', 'a', '..'], ['...', '.b'], ['c']);
    expect(await namesIn(script)).toEqual(['a', '...', '.b', 'c', 'complete']);
    await turn();
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('of nothing is empty', async () => {
    expect(await namesIn(lists())).toEqual(['complete']);
  });

  it('has names that are no text, by which the file can be removed', async () => {
    const script = lists([Uint8Array.of(0xff, 0xfe), 'b']);
    const fs = await script.client();
    const [first] = (await allOf(fs.list('/'))) as { name: { bytes: Uint8Array; text: string } }[];
    expect(first?.name.text).toBe('\ufffd\ufffd');
    await allOf(fs.remove(first?.name ?? ''));
    expect(script.of('REMOVE')[0]?.path).toEqual(Uint8Array.of(0xff, 0xfe));
  });

  it('has the attributes and the line of each entry', async () => {
    const entry = {
      filename: utf8Bytes('a'),
      longname: utf8Bytes('-rw-r--r-- a'),
      attributes: { size: 5, permissions: 0o100644 },
    };
    const script = folder((id, count) => [
      count === 0 ? { type: 'NAME', id, names: [entry] } : status(id, StatusCode.EOF),
    ]);
    const fs = await script.client();
    expect(await allOf(fs.list('/'))).toMatchObject([
      { longname: '-rw-r--r-- a', attributes: { size: 5, permissions: 0o100644 } },
      'complete',
    ]);
  });

  it('without end stops after those that were wanted, and closes the folder (SC7)', async () => {
    const script = folder((id, count) => [
      names(id, ...Array.from({ length: 100 }, (_, at) => `f${String(count * 100 + at)}`)),
    ]);
    const fs = await script.client();
    const seen = await allOf(
      fs.list('/').pipe(
        take(10),
        map(({ name }) => name.text),
      ),
    );
    expect(seen.slice(-2)).toEqual(['f9', 'complete']);
    await turn();
    expect(script.of('READDIR').length).toBeLessThanOrEqual(2);
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('asks for more when those before are done with (SC7)', async () => {
    const script = folder((id) => [names(id, ...Array.from({ length: 100 }, () => 'f'))]);
    const fs = await script.client();
    const held: Release[] = [];
    const listing = fs.list('/').subscribe(() => held.push(holdCredit()));
    for (let i = 0; i < 10; i++) await turn();
    expect(script.of('READDIR')).toHaveLength(2);
    expect(held).toHaveLength(200);
    for (const release of held.splice(0, 73)) release();
    await turn();
    expect(script.of('READDIR')).toHaveLength(3);
    listing.unsubscribe();
    await turn();
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('that is refused errors, behind the entries before it', async () => {
    const script = folder((id, count) => [
      count === 0 ? names(id, 'a') : status(id, StatusCode.FAILURE, 'bad disk'),
    ]);
    expect(await namesIn(script)).toMatchObject([
      'a',
      { kind: 'sftp', message: 'list /srv: bad disk', detail: { operation: 'list' } },
    ]);
  });

  it.each<[string, (id: number) => ReplyPacket | Uint8Array]>([
    ['names without end that are none', (id) => names(id)],
    [
      'a count of names past the bytes',
      (id) => fromHex(`0000000d 68 ${id.toString(16).padStart(8, '0')} ffffffff 00000000`),
    ],
    ['a STATUS of OK', (id) => status(id)],
    ['a handle', (id) => handle(id)],
  ])('with %s ends the session (SC4, SC7)', async (_what, answer) => {
    const script = folder((id) => [answer(id)]);
    expect(await namesIn(script)).toMatchObject([{ kind: 'protocol' }]);
    expect(script.of('READDIR').length).toBeLessThanOrEqual(5);
    await turn();
    expect(script.isGone).toBe(true);
  });

  it('before the handle has come, and unsubscribed, closes it when it comes (SC14)', async () => {
    const waiting: PacketOf<'OPENDIR'>[] = [];
    const script = new SftpScript({
      answer: (request) => {
        if (request.type === 'OPENDIR') waiting.push(request);
        return [];
      },
    });
    const fs = await script.client();
    const listing = fs.list('/').subscribe();
    await turn();
    listing.unsubscribe();
    await script.say(...waiting.map(({ id }) => handle(id)));
    expect(script.of('CLOSE')).toHaveLength(1);
  });
});
