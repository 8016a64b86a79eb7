import { describe, expect, it } from '@jest/globals';
import {
  type ChannelEvent,
  channelReducer,
  type ChannelState,
  OPEN,
  OPENING,
} from '../../src/channels/channel-state.ts';

/** The effects of events, one after the other, as words; an error is its message. */
function effectsOf(start: ChannelState, ...events: ChannelEvent[]): string[] {
  let state = start;
  return events.flatMap((event) => {
    const [next, effects] = channelReducer(state, event);
    state = next;
    return effects.map((effect) => (effect.type === 'fail' ? effect.error.kind : effect.type));
  });
}

function after(start: ChannelState, ...events: ChannelEvent[]): ChannelState {
  return events.reduce((state, event) => channelReducer(state, event)[0], start);
}

describe('the state of a channel', () => {
  it.each<[string, ChannelState, ChannelEvent[], string[]]>([
    ['is opened by a confirmation', OPENING, ['confirmation'], ['opened']],
    ['is over with a refusal', OPENING, ['failure'], ['refused', 'closed']],
    ['takes one confirmation', OPENING, ['confirmation', 'confirmation'], ['opened', 'protocol']],
    [
      'takes no refusal when it is open',
      OPENING,
      ['confirmation', 'failure'],
      ['opened', 'protocol'],
    ],
    [
      'takes no confirmation when it was refused',
      OPENING,
      ['failure', 'confirmation'],
      ['refused', 'closed', 'protocol'],
    ],
    ['takes no confirmation for a channel of the peer', OPEN, ['confirmation'], ['protocol']],
    [
      'takes nothing else while it is opening',
      OPENING,
      ['traffic', 'eof', 'close'],
      ['protocol', 'protocol', 'protocol'],
    ],
    ['says nothing while it is opening', OPENING, ['local-eof'], []],
    [
      'is closed at once when it is confirmed and not wanted',
      OPENING,
      ['local-close', 'confirmation'],
      ['send-close'],
    ],
    [
      'is over when it is not wanted and refused',
      OPENING,
      ['local-close', 'failure'],
      ['refused', 'closed'],
    ],
    [
      'is over when it was not wanted and the peer has closed it too',
      OPENING,
      ['local-close', 'confirmation', 'close'],
      ['send-close', 'ended', 'closed'],
    ],
    ['takes no data while it is not wanted', OPENING, ['local-close', 'traffic'], ['protocol']],
    ['says EOF once', OPEN, ['local-eof', 'local-eof'], ['send-eof']],
    ['says CLOSE once', OPEN, ['local-close', 'local-close'], ['send-close']],
    ['says no EOF behind CLOSE', OPEN, ['local-close', 'local-eof'], ['send-close']],
    ['ends at EOF, once', OPEN, ['eof', 'eof'], ['ended']],
    [
      'is half-closed by either side',
      OPEN,
      ['eof', 'traffic', 'local-eof', 'traffic'],
      ['ended', 'send-eof'],
    ],
    ['answers CLOSE with CLOSE', OPEN, ['close'], ['send-close', 'ended', 'closed']],
    [
      'does not answer CLOSE twice',
      OPEN,
      ['local-close', 'close'],
      ['send-close', 'ended', 'closed'],
    ],
    ['ends once', OPEN, ['eof', 'close'], ['ended', 'send-close', 'closed']],
    [
      'takes nothing behind CLOSE',
      OPEN,
      ['close', 'close'],
      ['send-close', 'ended', 'closed', 'protocol'],
    ],
    [
      'takes no data behind CLOSE',
      OPEN,
      ['close', 'traffic'],
      ['send-close', 'ended', 'closed', 'protocol'],
    ],
    [
      'takes no EOF behind CLOSE',
      OPEN,
      ['close', 'eof'],
      ['send-close', 'ended', 'closed', 'protocol'],
    ],
    [
      'takes what crosses our CLOSE',
      OPEN,
      ['local-close', 'traffic', 'eof', 'close'],
      ['send-close', 'ended', 'closed'],
    ],
    [
      'says nothing when it is over',
      OPEN,
      ['close', 'local-eof', 'local-close'],
      ['send-close', 'ended', 'closed'],
    ],
  ])('%s', (_what, start, events, expected) => {
    expect(effectsOf(start, ...events)).toEqual(expected);
  });

  it('is left as it was by what may not come', () => {
    for (const event of ['traffic', 'eof', 'close'] as const) {
      expect(after(OPENING, event)).toBe(OPENING);
      expect(after(after(OPEN, 'close'), event)).toEqual(after(OPEN, 'close'));
    }
  });

  it('has said CLOSE whenever it is closed by the peer, and knows whether there was an EOF', () => {
    expect(after(OPEN, 'eof', 'close').eofReceived).toBe(true);
    expect(after(OPEN, 'close')).toEqual({
      lifecycle: 'closed',
      eofSent: false,
      eofReceived: false,
      closeSent: true,
      closeReceived: true,
    });
  });
});
