/** The way to a host through another one. */
import {
  catchError,
  type Observable,
  type SchedulerLike,
  throwError,
  throwIfEmpty,
  timeout,
} from 'rxjs';
import { isSshError, SshError } from '../errors.ts';
import { endpointText, type TcpEndpoint } from '../forwarding/endpoint.ts';
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
      const duplex$ = client
        .dial(to)
        .pipe(catchError((error: unknown) => throwError(() => noWay(error, to))));
      return milliseconds === 0 ? duplex$ : duplex$.pipe(limited);
    }),
  );
}

/** Of several hosts on the way, it names the one that could not be reached. */
function noWay(error: unknown, to: TcpEndpoint): unknown {
  if (!isSshError(error, 'channel-open')) return error;
  const text = `no way to ${endpointText(to)}: ${error.message}`;
  const { detail, transient } = error;
  return new SshError('channel-open', text, detail, { cause: error, transient });
}

function noClient(): SshError<'config'> {
  return new SshError('config', 'via has completed without a client', { option: 'via' });
}
