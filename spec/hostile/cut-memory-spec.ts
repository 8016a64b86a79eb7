/** Faults X2 and R10 in memory: the wire ends at exactly this byte, in either direction, with a FIN or without. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../src/client/exec.ts';
import { isSshError } from '../../src/errors.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { ChaosDuplex, type ChaosOptions } from '../support/chaos.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive, ROLES, Subject } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

interface Verdict {
  readonly received: number;
  readonly written: number;
  readonly errors: readonly unknown[];
  readonly streams: readonly string[];
}

/** A session of login, channel, data and CLOSE over a wire that is cut; `isWatched`: somebody reads the channel. */
async function run(
  role: 'client' | 'server',
  isWatched: boolean,
  cut?: ChaosOptions['cut'],
): Promise<Verdict> {
  const [ourEnd, theirEnd] = memoryPair();
  const chaos = new ChaosDuplex(ourEnd, cut === undefined ? {} : { cut });
  const streams: string[] = [];
  const ended = (what: string) => ({
    error: (error: unknown): void => {
      streams.push(`${what} ${isSshError(error) ? error.kind : 'foreign'}`);
    },
    complete: (): void => {
      streams.push(`${what} complete`);
    },
  });
  const subject = new Subject(chaos, {
    role,
    session: (channel) => {
      channel.write(Buffer.from('echo'), () => undefined);
      if (!isWatched) return;
      channel.stdout$.subscribe(ended('stdout'));
      channel.stderr$.subscribe(ended('stderr'));
    },
  });
  const peer = new RawPeer(duplexLink(theirEnd), { role: role === 'client' ? 'server' : 'client' });
  const script = async (): Promise<void> => {
    await peer.session();
    const connection = await subject.connected();
    if (role === 'client' && isWatched)
      runCommand(connection, 'command').subscribe(ended('command'));
    else if (role === 'client')
      connection.openChannel('session').subscribe({ error: () => undefined });
    const raw = await peer.channel();
    if (role === 'client' && isWatched) {
      await peer.until(Msg.REQUEST);
      peer.send(message.success(raw.peer));
    }
    peer.send(message.data(raw.peer, 'data'));
    peer.send(message.eof(raw.peer));
    peer.send(message.close(raw.peer));
    await peer.until(Msg.CLOSE);
  };
  const isWhole = await script().then(
    () => true,
    () => false,
  );
  if (!isWhole || cut !== undefined) await subject.ended();
  for (let turns = 0; turns < 3; turns++) await turn();
  const { received, written } = chaos;
  subject.stop();
  peer.link.destroy();
  return { received, written, errors: [...subject.errors], streams };
}

describe.each(ROLES)('X2, R10: our %s', (role) => {
  describe.each([
    ['read', true],
    ['left alone', false],
  ] as const)('with channels that are %s', (_, isWatched) => {
    it.each([
      ['in', 'fin'],
      ['in', 'reset'],
      ['out', 'fin'],
      ['out', 'reset'],
    ] as const)(
      'has one typed error for each stream at every byte %s, by %s',
      async (direction, how) => {
        const whole = await run(role, isWatched);
        expect(whole.errors).toEqual([]);
        expect(whole.streams.filter((each) => !each.endsWith('complete'))).toEqual([]);
        const total = direction === 'in' ? whole.received : whole.written;
        expect(total).toBeGreaterThan(500);
        const wrong: string[] = [];
        // what nobody reads is cut at some bytes only
        for (let at = 1; at < total; at += isWatched ? 1 : 7) {
          const { errors, streams } = await run(role, isWatched, { direction, at, how });
          const isLost = errors.length === 1 && isSshError(errors[0], 'connection-lost');
          // each stream that was begun has one end
          const names = streams.map((each) => each.split(' ')[0]);
          const isClean =
            new Set(names).size === names.length &&
            streams.every((each) => /^\w+ (complete|connection-lost)$/.test(each));
          if (!isLost || !isClean) wrong.push(`${at}: ${errors.join()} | ${streams.join()}`);
        }
        expect(wrong).toEqual([]);
      },
      60_000,
    );
  });
});
