/** The way to a host through another one. */
import { type Observable, type SchedulerLike, throwError, throwIfEmpty, timeout } from 'rxjs';
import { SshError } from '../errors.ts';
import type { TcpEndpoint } from '../forwarding/endpoint.ts';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { timeoutError } from '../streams/deadline.ts';
import type { SshClient } from './client.ts';
import { withClient } from './with-client.ts';

/**
 * Dials over the first client of a stream, which stays subscribed, so connected, as long as the duplex is. The time counts from
 * when that client is there: how long it takes to get there, it limits itself.
 *
 * @param milliseconds - for the dialling; 0 is no limit
 */
export function dialVia(
  via: Observable<SshClient>,
  to: TcpEndpoint,
  milliseconds: number,
  scheduler?: SchedulerLike,
): Observable<ByteDuplex> {
  const late = (): Observable<never> => throwError(() => timeoutError('connect', milliseconds));
  const limited = timeout<ByteDuplex, Observable<never>>({
    first: Math.min(milliseconds, LONGEST_DELAY),
    with: late,
    ...(scheduler === undefined ? {} : { scheduler }),
  });
  return via.pipe(
    throwIfEmpty(noClient),
    // once there is a duplex, it is the duplex that tells what has become of the way
    withClient((client) => {
      const duplex$ = client.dial(to);
      return milliseconds === 0 ? duplex$ : duplex$.pipe(limited);
    }),
  );
}

function noClient(): SshError<'config'> {
  return new SshError('config', 'via has completed without a client', { option: 'via' });
}
