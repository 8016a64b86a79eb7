/** How long to wait before something is tried again. */
import { SshError } from '../errors.ts';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';

/** Milliseconds before a retry: a number, or a function of how many retries there were with this one, and what it is for. */
export type RetryDelay = number | ((retry: number, error: SshError) => number);

const FIRST_DELAY = 1_000;
const LONGEST_OF_ITS_OWN = 30_000;

/** The milliseconds before this retry; 1 s, doubled at each up to 30 s, unless said otherwise. Throws `config` for what is no time. */
export function retryDelay(delay: RetryDelay | undefined, retry: number, error: SshError): number {
  if (delay === undefined) return Math.min(LONGEST_OF_ITS_OWN, FIRST_DELAY * 2 ** (retry - 1));
  const milliseconds = typeof delay === 'number' ? delay : delay(retry, error);
  // a timer would take what is no number for no time at all, and a server would be dialled without a pause
  if (!(milliseconds >= 0))
    throw new SshError('config', `a delay of ${String(milliseconds)} ms`, { option: 'delay' });
  return Math.min(LONGEST_DELAY, milliseconds);
}
