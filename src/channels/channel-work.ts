/** The work of a channel that the peer has asked for. */
import { from } from 'rxjs';
import { isInput } from '../operators/take-verdict.ts';
import type { Channel } from './channel.ts';

/**
 * Begins the work of a channel, if it has any: it ends with the channel, and the channel with it. What it throws or errors ends the
 * channel alone, and is told unless the channel was over before.
 */
export function beginWork(
  channel: Channel,
  opened: (channel: Channel) => unknown,
  failed?: (error: unknown, channel: Channel) => void,
): void {
  const fail = (error: unknown): void => {
    const isCause = channel.isOpen;
    channel.destroy();
    if (isCause) failed?.(error, channel);
  };
  try {
    const work = opened(channel);
    if (!isInput(work)) return;
    const running = from(work).subscribe({
      error: fail,
      complete: () => {
        channel.end();
        channel.destroy();
      },
    });
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the channel, which always does
    channel.closed$.subscribe(() => running.unsubscribe());
  } catch (thrown) {
    fail(thrown);
  }
}
