/** Rows C14-C16, C19 and C20: clients that ask sessions for what they should not have, in orders that nobody expects. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { map, NEVER, Observable, of, Subject } from 'rxjs';
import { childProcess } from '../../src/server/child-process-node.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { bool, byte, cat, str, u32 } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawChannel, RawPeer } from '../support/raw-peer/raw-peer.ts';
import { type Served, servedDuel } from '../support/raw-peer/served.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

interface Asking extends Served {
  readonly channel: RawChannel;
  /** Sends requests in one go, and reads the answers: `y` or `n` each, in their order. */
  ask(...requests: readonly (readonly [type: string, payload?: Buffer])[]): Promise<string>;
}

async function session(options: Partial<ServeOptions>): Promise<Asking> {
  const served = servedDuel(options);
  const { peer } = served;
  await peer.session();
  await peer.barrier();
  const channel = await peer.openChannel();
  const ask: Asking['ask'] = async (...requests) => {
    for (const [type, payload = ''] of requests)
      peer.send(message.request(channel.peer, type, true, payload));
    return answers(peer, requests.length);
  };
  return { ...served, channel, ask };
}

/** So many answers; whatever else comes is passed over. */
async function answers(peer: RawPeer, many: number): Promise<string> {
  let text = '';
  while (text.length < many) {
    const { number } = await peer.read();
    if (number === Msg.SUCCESS) text += 'y';
    else if (number === Msg.FAILURE) text += 'n';
  }
  return text;
}

const exec = (command: string): readonly [string, Buffer] => ['exec', str(command)];
const env = (name: string, value: string): readonly [string, Buffer] => [
  'env',
  cat(str(name), str(value)),
];
const pty = (modes: Buffer): readonly [string, Buffer] => [
  'pty-req',
  cat(str('xterm'), u32(80), u32(24), u32(0), u32(0), str(modes)),
];

describe('C14: requests of a session', () => {
  it('start one thing, and one only', async () => {
    const started: string[] = [];
    const { ask } = await session({
      exec: (_, command) => {
        started.push(command);
        return NEVER;
      },
      shell: () => NEVER,
    });
    expect(await ask(exec('a'), exec('b'), ['shell'], ['subsystem', str('sftp')])).toBe('ynnn');
    expect(started).toEqual(['a']);
  });

  it('that are not known are refused when they want an answer, and passed over when not', async () => {
    const { ask, peer, channel } = await session({ exec: () => NEVER });
    expect(await ask(['what@example.org'], ['', Buffer.alloc(0)], ['toString'])).toBe('nnn');
    peer.send(message.request(channel.peer, 'what@example.org', false));
    expect(await peer.barrier()).toEqual([]);
  });

  it('are answered in their order, though the verdicts come in another', async () => {
    const verdicts = [new Subject<boolean>(), new Subject<boolean>(), new Subject<boolean>()];
    const requests = Object.fromEntries(verdicts.map((verdict, at) => [`r${at}`, () => verdict]));
    const { peer, channel } = await session({ requests });
    for (const type of Object.keys(requests)) peer.send(message.request(channel.peer, type, true));
    expect(await peer.barrier()).toEqual([]);
    verdicts[2]?.next(true);
    verdicts[1]?.next(false);
    expect(await peer.barrier()).toEqual([]);
    verdicts[0]?.next(true);
    expect(await answers(peer, 3)).toBe('yny');
  });

  it('wait behind work that takes its time to begin; nothing else is begun meanwhile', async () => {
    const starting = new Subject<Observable<number>>();
    const { peer, channel, ask } = await session({
      exec: () => ({ started$: starting }),
      requests: { later: () => true },
    });
    for (const [type, payload] of [exec('a'), exec('b'), ['later', Buffer.alloc(0)] as const])
      peer.send(message.request(channel.peer, type, true, payload));
    expect(await peer.barrier()).toEqual([]);
    starting.next(NEVER);
    expect(await answers(peer, 3)).toBe('yny');
    expect(await ask(exec('c'))).toBe('n');
  });

  it('that were refused late leave room for another', async () => {
    const starting: Subject<Observable<number>>[] = [];
    const { peer, channel } = await session({
      exec: () => {
        starting.push(new Subject());
        return { started$: starting.at(-1) ?? NEVER };
      },
    });
    const request = message.request(channel.peer, ...execRequest('a'));
    peer.send(request);
    await peer.barrier();
    starting[0]?.error(new Error('no'));
    expect(await answers(peer, 1)).toBe('n');
    peer.send(request);
    await peer.barrier();
    starting[1]?.complete();
    expect(await answers(peer, 1)).toBe('n');
    peer.send(request);
    await peer.barrier();
    starting[2]?.next(NEVER);
    expect(await answers(peer, 1)).toBe('y');
  });

  it('let go of what was to begin when the channel is closed first', async () => {
    let isLetGo = false;
    const { peer, channel, events } = await session({
      exec: () => ({ started$: new Observable(() => () => (isLetGo = true)) }),
    });
    peer.send(message.request(channel.peer, ...execRequest('a')));
    peer.send(message.close(channel.peer));
    await peer.until(Msg.CLOSE);
    await peer.barrier();
    expect(isLetGo).toBe(true);
    expect(events.map(({ type }) => type)).not.toContain('handler-error');
  });
});

function execRequest(command: string): readonly [string, boolean, Buffer] {
  return ['exec', true, str(command)];
}

describe('C15: payloads that are none', () => {
  it.each(['pty-req', 'env', 'exec', 'subsystem', 'window-change', 'signal', 'break', 'x11-req'])(
    'a truncated %s is refused',
    async (type) => {
      const { ask, peer } = await session({ exec: () => NEVER, pty: true, x11: () => true });
      for (let length = 0; length < 4; length++)
        expect(await ask([type, Buffer.alloc(length)])).toBe('n');
      // a string that says to be longer than what there is
      if (type !== 'window-change' && type !== 'break')
        expect(await ask([type, cat(u32(0xffff_ffff), byte(0))])).toBe('n');
      await peer.barrier();
    },
  );

  it('exits that a client tells are nobody’s business', async () => {
    const { ask } = await session({ exec: () => NEVER });
    const exit = cat(str('TERM'), bool(false), str(''), str(''));
    expect(await ask(['exit-status', u32(0)], ['exit-signal', exit], exec('a'))).toBe('nny');
  });
});

describe('C16: modes of a terminal', () => {
  const END = byte(0);
  it.each<readonly [string, Buffer, readonly (readonly [number, number])[]]>([
    ['none', Buffer.alloc(0), []],
    ['without an end', cat(byte(53), u32(0)), [[53, 0]]],
    ['with two ends', cat(byte(53), u32(0), END, END), [[53, 0]]],
    ['behind the end', cat(END, byte(53), u32(0)), []],
    ['twice', cat(byte(53), u32(0), byte(53), u32(1), END), [[53, 1]]],
    ['cut short', cat(byte(53), u32(0), byte(1), Buffer.alloc(3)), [[53, 0]]],
    ['with an opcode that ends them', cat(byte(200), u32(1), byte(53), u32(0)), []],
    ['with values beyond everything', cat(byte(1), u32(0xffff_ffff), END), [[1, 0xffff_ffff]]],
  ])('%s', async (_name, modes, expected) => {
    const seen: unknown[] = [];
    const { ask } = await session({ pty: (asked) => seen.push([...asked.modes]) > 0 });
    expect(await ask(pty(modes))).toBe('y');
    expect(seen).toEqual([expected]);
  });

  it('of any bytes are forgiven, and the length that they claim is not', async () => {
    let value = 1;
    const random = (): number =>
      (value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
    for (let round = 0; round < 50; round++) {
      const modes = Buffer.from(Array.from({ length: random() }, random));
      const { ask } = await session({ pty: ({ modes: { size } }) => size <= 160 });
      expect(await ask(pty(modes))).toBe('y');
    }
    const { ask } = await session({ pty: true });
    const [type, whole] = pty(Buffer.alloc(5));
    expect(await ask([type, whole.subarray(0, -1)])).toBe('n');
  });
});

describe('C19: variables', () => {
  const run = childProcess({ cwd: '/' });

  it('that nobody has allowed are not in the process', async () => {
    const { ask, peer } = await session({ exec: run, acceptEnv: ['LC_*', 'LANG'] });
    const asked = await ask(
      ...[env('LD_PRELOAD', '/x.so'), env('NODE_OPTIONS', '--require=/x'), env('BASH_ENV', '/x')],
      ...[env('LC_X=1\nPATH', '/x'), env('LC_X\0', 'x'), env('LC_\u00e9', 'x'), env('XLC_A', 'x')],
      ...[env('', 'x'), env('LC_A', 'x\0y'), env('LC_B', 'fine'), env('LANG', 'C'), exec('env')],
    );
    expect(asked).toBe('nnnnnnnnnyyy');
    const names = (await output(peer))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('=', 1)[0]);
    expect(names).toEqual(expect.arrayContaining(['LC_B', 'LANG', 'PATH']));
    for (const name of ['LD_PRELOAD', 'NODE_OPTIONS', 'BASH_ENV', 'LC_X', 'LC_A', 'XLC_A'])
      expect(names).not.toContain(name);
  });

  it('without end cost no memory', async () => {
    const { peer, channel } = await session({ exec: () => NEVER, acceptEnv: ['*'] });
    const before = await memoryInUse();
    for (let sent = 0; sent < 100_000; sent += 1000) {
      for (let at = 0; at < 1000; at++) {
        const [type, payload] = env(`N${String(sent + at)}`, 'x'.repeat(100));
        peer.send(message.request(channel.peer, type, false, payload));
      }
      await peer.barrier();
      peer.written.length = 0;
      peer.numbers.length = 0;
    }
    expect((await memoryInUse()) - before).toBeLessThan(2 * MiB);
  }, 60_000);
});

/** All that a command writes. */
async function output(peer: RawPeer): Promise<string> {
  let text = '';
  for (;;) {
    const { number, payload } = await peer.read();
    if (number === Msg.DATA) text += payload.subarray(9).toString();
    if (number === Msg.EOF) return text;
  }
}

describe('C20: a forced command', () => {
  const forced: Partial<ServeOptions> = {
    authenticate: () => of({ accept: true, permissions: { command: 'only this' } }),
    pty: true,
  };

  it('is run whatever was asked for, and hears no signal and no break', async () => {
    const heard: string[] = [];
    const serve = (session: ServerSession): Observable<number> => {
      heard.push(`${session.command ?? ''} for ${session.env.get('SSH_ORIGINAL_COMMAND') ?? ''}`);
      return session.signals$.pipe(map((name) => heard.push(name)));
    };
    const { ask } = await session({ ...forced, exec: serve });
    const asked = [exec('another'), ['signal', str('KILL')], ['break', u32(0)]] as const;
    expect(await ask(...asked)).toBe('ynn');
    expect(heard).toEqual(['only this for another']);
  });

  it('of a childProcess is not disturbed either', async () => {
    const run = childProcess({ cwd: '/', command: 'sleep 0.3; echo undisturbed' });
    const { ask, peer } = await session({ exec: run });
    expect(await ask(exec('another'), ['signal', str('KILL')])).toBe('yy');
    expect(await output(peer)).toBe('undisturbed\n');
  });
});
