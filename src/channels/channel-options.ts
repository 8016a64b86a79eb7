/** How a channel behaves, and what its peer may ask of it. */
import { SshError } from '../errors.ts';
import type { Verdict } from '../operators/take-verdict.ts';

/** A request of the peer on a channel (RFC 4254 §5.4). */
export interface ChannelRequest {
  /** `exec`, `window-change`, … */
  readonly type: string;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /** What the type adds to the message. */
  readonly payload: Uint8Array;
}

/** Answers a request: `true` is success. What throws, errors or completes without a value is failure. */
export type ChannelRequestHandler = (request: ChannelRequest) => Verdict<boolean>;

/** How a channel behaves. */
export interface ChannelOptions {
  /** First size of the receive window, in bytes; 2 MiB by default, 256 KiB while a `fanOut` runs. */
  readonly window?: number;
  /** Bytes that a subscriber may hold unacknowledged; 64 KiB by default. */
  readonly budget?: number;
  /** What becomes of stderr that nobody claims: dropped by default, so that it cannot stop stdout. */
  readonly stderr?: 'discard' | 'hold';
  /** Answers the peer's requests; without it they fail. */
  readonly onRequest?: ChannelRequestHandler;
  /** Closes the channel, if it is one that we open, with the error `aborted`. */
  readonly signal?: AbortSignal;
}

const MAX_UINT32 = 0xffff_ffff;

/** Throws `config` for sizes with which no byte would ever flow, or that no message can hold. */
export function checkChannelOptions({ window, budget }: ChannelOptions): void {
  checkSize('window', window, MAX_UINT32);
  checkSize('budget', budget, Number.POSITIVE_INFINITY);
}

function checkSize(option: string, bytes: number | undefined, most: number): void {
  if (bytes === undefined || (bytes >= 1 && bytes <= most && !(bytes % 1 > 0))) return;
  const text = `${option} of a channel cannot be ${String(bytes)} bytes`;
  throw new SshError('config', text, { option });
}
