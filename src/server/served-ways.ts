/** What forwarding has of its connection, and how forwarded connections end with it. */
import { of, type SchedulerLike, Subscription } from 'rxjs';
import type { SshError } from '../errors.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';
import { type Ends, ForwardedConnection } from '../forwarding/forward.ts';
import { after } from '../streams/deadline.ts';
import { connectionLost } from '../streams/ending.ts';
import type { ServerConnection } from './connection.ts';
import type { ForwardEventFacts } from './events.ts';

/** How long, in milliseconds, a target may take for what was sent to it before the connection ended. */
const FAREWELL = 1_000;

/** What forwarding has of its connection. */
export interface ForwardContext {
  readonly connection: ServerConnection;
  /** Ends with the connection, and all that is forwarded over it. */
  readonly life: Subscription;
  readonly scheduler: SchedulerLike;
  /** Milliseconds that a handler may take to answer. */
  readonly answerTimeout: number;
  readonly emit: (event: ForwardEventFacts) => void;
}

/**
 * Ends a way behind the end of its connection: by itself as a rule, when what its channel has received was handed over, and
 * without that after a second.
 */
export function endBehind(connectionLife: Subscription, way: Subscription): void {
  const ending = new Subscription(() => way.add(after(FAREWELL, () => way.unsubscribe())));
  connectionLife.add(ending);
  way.add(() => connectionLife.remove(ending));
}

/**
 * Makes two ends one connection, and tells of it.
 *
 * @param way - what it stands on: is unsubscribed when it is over, and ends it
 */
export function leadOn(context: ForwardContext, ends: Ends, to: Endpoint, way: Subscription): void {
  const { life, emit } = context;
  const forwarded = new ForwardedConnection(ends.near);
  // told by the end of the client's connection at the latest: behind that there are no events
  const ending = new Subscription(() => told(clientGone()));
  const told = (error?: SshError): void => {
    life.remove(ending);
    emit({ type: 'forward-closed', forwarded, ...(error === undefined ? {} : { error }) });
  };
  life.add(ending);
  way.add(() => forwarded.end(clientGone()));
  // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the connection, which always does
  forwarded.closed$.subscribe((error) => {
    if (!ending.closed) told(error);
    way.unsubscribe();
  });
  emit({ type: 'forward-opened', forwarded });
  forwarded.start(ends.near, (_near, leadsTo) => {
    leadsTo(to);
    return of(ends);
  });
}

/** The error of what was forwarded for a client that is not there any more. */
export function clientGone(): SshError<'connection-lost'> {
  return connectionLost('the connection of its client has ended');
}
