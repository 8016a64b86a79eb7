/** Sessions that a server refuses. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { defer, isObservable, lastValueFrom, NEVER, of } from 'rxjs';
import { openSession, SessionChannel } from '../../src/client/session.ts';
import { isSshError } from '../../src/errors.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { Clock } from '../support/clock.ts';
import { closeScripted, type Script, script } from '../support/scripted.ts';

afterEach(closeScripted);

const refusal = (recipientChannel: number): Message => ({
  ...{ type: 'CHANNEL_OPEN_FAILURE', recipientChannel, reasonCode: 2 },
  ...{ description: 'open failed', languageTag: '' },
});

/** What becomes of a session: `open`, or the kind of its error. */
function opening({ connection }: Script): { outcome: string | undefined } {
  const heard: ReturnType<typeof opening> = { outcome: undefined };
  openSession(connection).subscribe({
    next: (_session: SessionChannel) => (heard.outcome = 'open'),
    error: (error: unknown) => (heard.outcome = isSshError(error) ? error.kind : 'other'),
  });
  return heard;
}

describe('a session that is refused', () => {
  it('is asked for again where another has just ended, which the server may still count: three times', async () => {
    const clock = new Clock();
    const peer = await script({ transport: { scheduler: clock } });
    const { channel, subscription } = await peer.openChannel();
    subscription.unsubscribe();
    await peer.say({ type: 'CHANNEL_CLOSE', recipientChannel: channel.number });
    const second = opening(peer);
    await peer.say();
    for (const [opens, pause] of [
      [1, 0],
      [2, 50],
    ] as const) {
      const asked = peer.of('CHANNEL_OPEN');
      expect([asked.length, second.outcome]).toEqual([opens, undefined]);
      await peer.say(refusal(asked.at(-1)?.senderChannel ?? -1));
      // a server that is busy with the one before is not asked in a circle
      await clock.pass(Math.max(0, pause - 1));
      expect(peer.of('CHANNEL_OPEN')).toHaveLength(pause === 0 ? opens + 1 : opens);
      await clock.pass(1);
    }
    const last = peer.of('CHANNEL_OPEN').at(-1)?.senderChannel ?? -1;
    await peer.say({
      ...{ type: 'CHANNEL_OPEN_CONFIRMATION', recipientChannel: last, senderChannel: 9 },
      ...{ initialWindowSize: 0, maximumPacketSize: 1000, payload: new Uint8Array(0) },
    });
    expect(second.outcome).toBe('open');

    const third = opening(peer);
    await peer.say();
    const before = peer.of('CHANNEL_OPEN').length;
    for (let refusals = 0; refusals < 4; refusals++) {
      await peer.say(refusal(peer.of('CHANNEL_OPEN').at(-1)?.senderChannel ?? -1));
      await clock.pass(200);
    }
    expect([peer.of('CHANNEL_OPEN').length - before, third.outcome]).toEqual([3, 'channel-open']);
  });

  it('is refused where none has ended, one after the other', async () => {
    const peer = await script({ transport: { scheduler: new Clock() } });
    for (const opens of [1, 2]) {
      const only = opening(peer);
      await peer.say();
      await peer.say(refusal(peer.of('CHANNEL_OPEN').at(-1)?.senderChannel ?? -1));
      expect([peer.of('CHANNEL_OPEN').length, only.outcome]).toEqual([opens, 'channel-open']);
    }
  });

  it('is refused where none has ended lately', async () => {
    const clock = new Clock();
    const peer = await script({ transport: { scheduler: clock } });
    const { channel, subscription } = await peer.openChannel();
    subscription.unsubscribe();
    await peer.say({ type: 'CHANNEL_CLOSE', recipientChannel: channel.number });
    await clock.pass(1000);
    const only = opening(peer);
    await peer.say();
    await peer.say(refusal(peer.of('CHANNEL_OPEN').at(-1)?.senderChannel ?? -1));
    expect([peer.of('CHANNEL_OPEN').length, only.outcome]).toEqual([1, 'channel-open']);
  });
});

describe('what a request cannot say, such as a NUL, at which sshd would end the connection,', () => {
  it.each<[string, (session: SessionChannel) => unknown]>([
    ['env', (session) => session.setEnv('A', 'b\0')],
    ['env', (session) => session.setEnv('A\0', 'b')],
    ['signal', (session) => session.signal('TERM\0')],
    ['term', (session) => session.requestPty({ term: 'xterm\0' })],
    ['subsystem', (session) => session.subsystem('sftp\0')],
    ['env', (session) => session.setEnv('A', undefined as never)],
    ['env', (session) => session.setEnv('A', 5 as never)],
    ['term', (session) => session.requestPty({ term: 5 as never })],
    ['columns', (session) => session.requestPty({ columns: -1 })],
    ['rows', (session) => session.requestPty({ rows: Number.NaN })],
    ['widthPixels', (session) => session.requestPty({ widthPixels: 2 ** 32 })],
    [
      'columns',
      (session) => session.resize({ columns: 1.5, rows: 2, widthPixels: 0, heightPixels: 0 }),
    ],
    ['milliseconds', (session) => session.sendBreak(-1)],
    ['command', (session) => session.exec(5 as never)],
    ['command', (session) => session.exec(undefined as never)],
    ['command', (session) => session.exec(['kill', 5 as never])],
  ])('is a mistake in %s, and is not sent', async (option, ask) => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const session = new SessionChannel(channel, {
      exit$: NEVER,
      unread$: NEVER,
      flowControl$: NEVER,
    });
    const asked$ = defer(() => {
      const answer = ask(session);
      return isObservable(answer) ? answer : of(answer);
    });
    await expect(lastValueFrom(asked$)).rejects.toMatchObject({
      kind: 'config',
      detail: { option },
    });
    await peer.say();
    expect(peer.of('CHANNEL_REQUEST')).toEqual([]);
  });
});
