/** Faults X3, X14 and X15: how a command ends, in every order in which a server may say it, and when it says nothing. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Exit, isSshError } from '../../src/errors.ts';
import { type ExecOptions, runCommand } from '../../src/client/exec.ts';
import { cat, bool, str, u32 } from '../support/raw-peer/bytes.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawChannel } from '../support/raw-peer/raw-peer.ts';
import { duel, type Duel, expectAlive } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

/** What a command has told so far: `out:…`, `err:…`, `exit:…`, `complete` or the kind of its error. */
interface Running extends Duel {
  readonly seen: string[];
  readonly exits: Exit[];
  readonly raw: RawChannel;
}

function exitText(exit: Exit): string {
  if (exit.kind === 'status') return `exit:${String(exit.status)}`;
  return exit.kind === 'signal' ? `exit:${exit.signal}` : 'exit:missing';
}

/** Runs a command that the raw server has granted, unless said otherwise. */
async function run(options: ExecOptions = {}, isAnswered = true): Promise<Running> {
  const { peer, subject } = duel({ role: 'client' });
  await peer.session();
  const connection = await subject.connected();
  const seen: string[] = [];
  const exits: Exit[] = [];
  runCommand(connection, 'command', options).subscribe({
    next: (event) => {
      if (event.type === 'exit') {
        exits.push(event.exit);
        seen.push(exitText(event.exit));
      } else seen.push(`${event.type.slice(3)}:${Buffer.from(event.data).toString()}`);
    },
    error: (error: unknown) => seen.push(isSshError(error) ? error.kind : 'foreign'),
    complete: () => seen.push('complete'),
  });
  const raw = await peer.acceptChannel();
  await peer.until(Msg.REQUEST);
  if (!isAnswered) return { peer, subject, seen, exits, raw };
  peer.send(message.success(raw.peer));
  // an empty input ends when the command has begun, not before
  if (options.stdin === undefined) await peer.expect(Msg.EOF);
  return { peer, subject, seen, exits, raw };
}

const status = (code: number) => (id: number) =>
  message.request(id, 'exit-status', false, u32(code));
const killed = (id: number): Buffer =>
  message.request(id, 'exit-signal', false, cat(str('TERM'), bool(false), str('bye'), str('')));
const out = (text: string) => (id: number) => message.data(id, text);
const err = (text: string) => (id: number) => message.extendedData(id, 1, text);
const { eof, close } = message;

const ORDERS: readonly (readonly [
  string,
  readonly ((id: number) => Buffer)[],
  readonly string[],
])[] = [
  ['status before EOF', [out('a'), status(7), eof, close], ['out:a', 'exit:7']],
  ['status after EOF', [out('a'), eof, status(7), close], ['out:a', 'exit:7']],
  ['status without EOF', [out('a'), status(0), close], ['out:a', 'exit:0']],
  ['stdout after the status', [status(7), out('a'), eof, close], ['out:a', 'exit:7']],
  ['stderr after the status', [status(7), err('e'), eof, close], ['err:e', 'exit:7']],
  [
    'stderr and stdout mixed',
    [err('e'), out('a'), err('f'), status(0), close],
    ['err:e', 'out:a', 'err:f', 'exit:0'],
  ],
  ['no exit at all', [out('a'), eof, close], ['out:a', 'exit:missing']],
  ['nothing but CLOSE', [close], ['exit:missing']],
  ['a signal', [out('a'), killed, eof, close], ['out:a', 'exit:TERM']],
  ['a signal and then a status', [killed, status(1), eof, close], ['exit:TERM']],
  ['a status and then a signal', [status(1), killed, eof, close], ['exit:1']],
  ['two statuses', [status(1), status(0), eof, close], ['exit:1']],
  ['status 255', [status(255), close], ['exit:255']],
  ['status 2^32-1', [status(0xffff_ffff), close], ['exit:4294967295']],
];

describe('X14: a command', () => {
  it.each(ORDERS)('with %s', async (_, messages, expected) => {
    const { peer, subject, seen, raw } = await run();
    for (const each of messages.slice(0, -1)) peer.send(each(raw.peer));
    peer.skipped.push(...(await peer.barrier()));
    // neither EOF nor a status is the end: what follows them is its output too
    expect(seen.filter((each) => each === 'complete' || each.startsWith('exit'))).toEqual([]);
    peer.send(messages.at(-1)?.(raw.peer) ?? Buffer.alloc(0));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    expect(seen).toEqual([...expected, 'complete']);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });

  it.each([
    ['and has an exit, when the server says one', [out('a'), status(7), eof], ['out:a', 'exit:7']],
    ['and is an error without one', [out('a'), eof], ['out:a', 'released']],
  ])('is never answered: %s', async (_, messages, expected) => {
    const { peer, subject, seen, raw } = await run({}, false);
    for (const each of [...messages, close]) peer.send(each(raw.peer));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    // too late to be one
    peer.send(message.success(raw.peer));
    await settled(peer);
    expect(seen.filter((each) => each !== 'complete')).toEqual(expected);
    subject.stop();
  });

  it('with a status and data but no CLOSE is connection-lost, behind the data', async () => {
    for (const ending of ['fin', 'reset'] as const) {
      const { peer, subject, seen, raw } = await run();
      peer.send(message.data(raw.peer, 'half'));
      peer.send(status(0)(raw.peer));
      peer.send(message.eof(raw.peer));
      await settled(peer);
      if (ending === 'fin') peer.close();
      else peer.link.destroy();
      await subject.ended();
      await settled(peer);
      expect(seen).toEqual(['out:half', 'connection-lost']);
    }
  });

  it.each([
    ['too short', u32(7).subarray(1)],
    ['empty', Buffer.alloc(0)],
    ['too long', cat(u32(7), u32(0))],
  ])('with a status that is %s ends the connection, with one error', async (_, payload) => {
    const { peer, subject, seen, raw } = await run();
    peer.send(message.request(raw.peer, 'exit-status', false, payload));
    await peer.expectDisconnect(2);
    await subject.ended();
    expect(seen).toEqual(['protocol']);
  });

  it('that is sent a hundred thousand exits has one, and keeps none of them', async () => {
    const { peer, subject, seen, raw } = await run();
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => peer.seal(killed(raw.peer))));
    peer.sendBytes(flood);
    for (let round = 0; round < 20; round++)
      peer.sendBytes(
        Buffer.concat(Array.from({ length: 1000 }, () => peer.seal(status(1)(raw.peer)))),
      );
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    expect(seen).toEqual(['exit:TERM', 'complete']);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });

  it('whose signal has a name with control characters ends the connection', async () => {
    const { peer, subject, seen, raw } = await run();
    const hostile = cat(str('TERM\x1b[2J'), bool(true), str('bye'), str(''));
    peer.send(message.request(raw.peer, 'exit-signal', false, hostile));
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
    expect(seen).toEqual(['protocol']);
  });

  it('whose signal has a hostile message is shown it escaped', async () => {
    const { peer, subject, exits, raw } = await run();
    const hostile = cat(str('TERM'), bool(true), str('\x1b]0;x\x07\r\n\u202e'), str(''));
    peer.send(message.request(raw.peer, 'exit-signal', false, hostile));
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    const errorMessage = '\\x1b]0;x\\x07\\x0d\\x0a\\u202e';
    expect(exits).toEqual([{ kind: 'signal', signal: 'TERM', coreDumped: true, errorMessage }]);
    subject.stop();
  });
});

describe('X3: a connection that ends without a word', () => {
  it.each(['fin', 'reset'] as const)('by %s is no success of a command', async (ending) => {
    const { peer, subject, seen, raw } = await run();
    peer.send(message.data(raw.peer, 'half of it'));
    await settled(peer);
    if (ending === 'fin') peer.close();
    else peer.link.destroy();
    expect((await subject.ended()).kind).toBe('connection-lost');
    await settled(peer);
    expect(seen).toEqual(['out:half of it', 'connection-lost']);
  });

  it('is a disconnect when it was said, whatever the reason', async () => {
    const { peer, subject, seen, raw } = await run();
    peer.send(message.data(raw.peer, 'half of it'));
    peer.send(message.disconnect(11, 'going down'));
    await peer.expectEnd();
    await subject.ended();
    await settled(peer);
    expect(seen).toEqual(['out:half of it', 'disconnect']);
  });
});

describe('X15: half-closing', () => {
  it('by the server leaves the input open', async () => {
    let next: (() => void) | undefined;
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one');
      await new Promise<void>((resolve) => (next = resolve));
      yield Buffer.from('two');
    }
    const { peer, subject, seen, raw } = await run({ stdin: input() });
    expect((await peer.readData(3)).toString()).toBe('one');
    peer.send(message.eof(raw.peer));
    await peer.barrier();
    next?.();
    expect((await peer.readData(3)).toString()).toBe('two');
    await peer.expect(Msg.EOF);
    peer.send(status(0)(raw.peer));
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    expect(seen).toEqual(['exit:0', 'complete']);
    subject.stop();
  });

  it('by us leaves the output open', async () => {
    const { peer, subject, seen, raw } = await run();
    peer.send(message.data(raw.peer, 'late'));
    peer.send(status(0)(raw.peer));
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    expect(seen).toEqual(['out:late', 'exit:0', 'complete']);
    subject.stop();
  });

  it.each([true, false])(
    'with eow@openssh.com, reply wanted: %s, ends nothing',
    async (wantReply) => {
      const { peer, subject, seen, raw } = await run();
      peer.send(message.request(raw.peer, 'eow@openssh.com', wantReply));
      const replies = await peer.barrier();
      expect(subject.errors).toEqual([]);
      expect(
        replies.filter(({ number }) => number === Msg.FAILURE || number === Msg.SUCCESS),
      ).toHaveLength(wantReply ? 1 : 0);
      peer.send(message.data(raw.peer, 'more'));
      peer.send(status(0)(raw.peer));
      peer.send(message.close(raw.peer));
      await peer.until(Msg.CLOSE);
      await settled(peer);
      expect(seen).toEqual(['out:more', 'exit:0', 'complete']);
      subject.stop();
    },
  );
});
