/** The life of a channel (RFC 4254 §5), as a pure reducer: open, half-closed in either direction, closed. */
import { protocolError, type SshError } from '../errors.ts';

/** Where a channel stands. */
export interface ChannelState {
  readonly lifecycle:
    /** OPEN is out, the answer is awaited. */
    | 'opening'
    /** We do not want it any more, but the answer to OPEN is still due: its number is not free before. */
    | 'unwanted'
    | 'open'
    /** CLOSE has gone both ways, or the opening has failed. */
    | 'closed';
  readonly eofSent: boolean;
  readonly eofReceived: boolean;
  readonly closeSent: boolean;
  readonly closeReceived: boolean;
}

/** What can happen: `local-…` is our wish, the others are messages of the peer. */
export type ChannelEvent =
  | 'confirmation'
  | 'failure'
  | 'local-eof'
  | 'local-close'
  | 'eof'
  | 'close'
  /** Data, window adjust, requests and replies: whatever needs an open channel. */
  | 'traffic';

/** What is to be done. */
export type ChannelEffect =
  | { readonly type: 'send-eof' }
  | { readonly type: 'send-close' }
  /** The channel can be used. */
  | { readonly type: 'opened' }
  | { readonly type: 'refused' }
  /** The peer sends no more data. */
  | { readonly type: 'ended' }
  /** It is over: its number is free. */
  | { readonly type: 'closed' }
  | { readonly type: 'fail'; readonly error: SshError };

/** A channel that we ask for. */
export const OPENING: ChannelState = {
  lifecycle: 'opening',
  eofSent: false,
  eofReceived: false,
  closeSent: false,
  closeReceived: false,
};

/** A channel of the peer that we have confirmed. */
export const OPEN: ChannelState = { ...OPENING, lifecycle: 'open' };

type Transition = readonly [ChannelState, readonly ChannelEffect[]];

/** The next state. */
export function channelReducer(state: ChannelState, event: ChannelEvent): Transition {
  switch (event) {
    case 'confirmation':
      return onConfirmation(state);
    case 'failure':
      if (!isAwaited(state))
        return fail(state, 'CHANNEL_OPEN_FAILURE for a channel that is not being opened');
      return [{ ...state, lifecycle: 'closed' }, [{ type: 'refused' }, { type: 'closed' }]];
    case 'local-eof':
      if (state.lifecycle !== 'open' || state.eofSent || state.closeSent) return [state, []];
      return [{ ...state, eofSent: true }, [{ type: 'send-eof' }]];
    case 'local-close':
      return onLocalClose(state);
    case 'eof':
      if (state.lifecycle !== 'open')
        return fail(state, 'CHANNEL_EOF for a channel that is not open');
      return state.eofReceived
        ? [state, []]
        : [{ ...state, eofReceived: true }, [{ type: 'ended' }]];
    case 'close':
      return onClose(state);
    case 'traffic':
      return state.lifecycle === 'open'
        ? [state, []]
        : fail(state, 'a message for a channel that is not open');
  }
}

function isAwaited(state: ChannelState): boolean {
  return state.lifecycle === 'opening' || state.lifecycle === 'unwanted';
}

function onConfirmation(state: ChannelState): Transition {
  if (!isAwaited(state))
    return fail(state, 'CHANNEL_OPEN_CONFIRMATION for a channel that is not being opened');
  if (state.lifecycle === 'opening') return [{ ...state, lifecycle: 'open' }, [{ type: 'opened' }]];
  return [{ ...state, lifecycle: 'open', closeSent: true }, [{ type: 'send-close' }]];
}

function onLocalClose(state: ChannelState): Transition {
  if (state.lifecycle === 'opening') return [{ ...state, lifecycle: 'unwanted' }, []];
  if (state.lifecycle !== 'open' || state.closeSent) return [state, []];
  return [{ ...state, closeSent: true }, [{ type: 'send-close' }]];
}

function onClose(state: ChannelState): Transition {
  if (state.lifecycle !== 'open')
    return fail(state, 'CHANNEL_CLOSE for a channel that is not open');
  const ended: readonly ChannelEffect[] = state.eofReceived ? [] : [{ type: 'ended' }];
  const answer: readonly ChannelEffect[] = state.closeSent ? [] : [{ type: 'send-close' }];
  return [
    {
      lifecycle: 'closed',
      eofSent: state.eofSent,
      eofReceived: state.eofReceived,
      closeSent: true,
      closeReceived: true,
    },
    [...answer, ...ended, { type: 'closed' }],
  ];
}

function fail(state: ChannelState, problem: string): Transition {
  return [state, [{ type: 'fail', error: protocolError(problem) }]];
}
