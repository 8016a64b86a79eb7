/** What a connection is told, and asks. */
import type { Verdict } from '../operators/take-verdict.ts';
import type { Channel } from './channel.ts';
import type { ChannelOptions } from './channel-options.ts';
import type { GlobalRequestHandler } from './global-requests.ts';

/** A channel that the peer asks for (RFC 4254 §5.1). */
export interface ChannelOpenRequest {
  /** `session`, `direct-tcpip`, … */
  readonly type: string;
  /** What the type adds to the OPEN message. */
  readonly payload: Uint8Array;
}

/** The answer to a peer's OPEN. */
export type ChannelOpenAnswer =
  | {
      readonly accept: true;
      readonly options?: ChannelOptions;
      /**
       * Called with the channel, behind its CONFIRMATION and before any of its messages. If it returns something that emits, that is
       * the channel's work: it is unsubscribed when the channel is over, and the channel is closed when it ends. An error, also one
       * that is thrown, ends the channel alone; see `ConnectionOptions.channelFailed`.
       */
      readonly opened: (channel: Channel) => unknown;
    }
  | { readonly accept: false; readonly reasonCode?: number; readonly description?: string };

/** Decides over a channel that the peer asks for. Only `accept: true` accepts it; what throws, errors or answers nothing refuses it. */
export type ChannelOpenHandler = (request: ChannelOpenRequest) => Verdict<ChannelOpenAnswer>;

/** How a connection behaves. */
export interface ConnectionOptions {
  /** Handlers by channel type; a type without one is refused (UNKNOWN_CHANNEL_TYPE). */
  readonly channels?: Readonly<Record<string, ChannelOpenHandler>>;
  /** Hears of the errors of `opened`, and of the work that it has returned; nobody does unless said otherwise. */
  readonly channelFailed?: (error: unknown, channel: Channel) => void;
  /** Handlers by request name; a request without one fails. */
  readonly globalRequests?: Readonly<Record<string, GlobalRequestHandler>>;
  /** Most channels at a time that the peer may open; 256 by default. */
  readonly maxChannels?: number;
  /** Milliseconds without data or requests after which a channel is closed, by its type; a type that is not there has no limit. */
  readonly channelTimeouts?: Readonly<Record<string, number>>;
  /** Milliseconds that the peer has to answer an OPEN, 30 s by default; 0 is no limit. */
  readonly openTimeout?: number;
}
