/** The end of a key exchange: a verdict on the host key or a signature is waited for, and what the algorithms need is loaded. */
import { Subscription } from 'rxjs';
import { takeVerdict, type Verdict } from '../operators/take-verdict.ts';

/** What comes of it. */
export interface Settlement<T> {
  /** Runs a task on the connection's queue. */
  readonly run: (task: () => void) => void;
  readonly settled: (value: T) => void;
  /** An error, or `undefined` for silence at the end. */
  readonly refused: (error: unknown) => void;
}

/**
 * Asks as soon as what is loading is there.
 *
 * @param loading - `undefined` when there is nothing to wait for
 * @returns unsubscribe to call it off
 */
export function settle<T>(
  loading: Promise<unknown> | undefined,
  ask: () => Verdict<T>,
  { run, settled, refused }: Settlement<T>,
): Subscription {
  const pending = new Subscription();
  const fail = (error: unknown): void => run(() => refused(error));
  const begin = (): void =>
    pending.add(takeVerdict(ask, (value) => run(() => settled(value)), fail));
  if (loading === undefined) begin();
  else
    pending.add(
      takeVerdict(
        () => loading,
        () => run(begin),
        fail,
      ),
    );
  return pending;
}
