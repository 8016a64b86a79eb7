/** What a server tells of what it forwards, and how long its handlers may take. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, Observable, of, Subscription } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { endpointText } from '../../src/forwarding/endpoint.ts';
import type { ListenerEvent } from '../../src/forwarding/forward.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import type { ForwardHandlers } from '../../src/server/forwarding.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { Clock } from '../support/clock.ts';
import { closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';

afterEach(closeEmbedded);

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** What was told of forwarding, in words. */
function told(events: readonly ConnectionEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === 'listener-opened' || event.type === 'listener-closed')
      return [`${event.type} ${endpointText(event.at)}`];
    if (event.type !== 'forward-opened' && event.type !== 'forward-closed')
      return event.type === 'closed' ? ['closed'] : [];
    const { peer, to, bytesSent, bytesReceived } = event.forwarded;
    const error = 'error' in event ? ` ${event.error.kind}` : '';
    const way = `${peer?.address ?? ''} ${to === undefined ? '' : endpointText(to)}`;
    return event.type === 'forward-opened'
      ? [event.type]
      : [`${event.type} ${way} ${String(bytesSent)} ${String(bytesReceived)}${error}`];
  });
}

describe('a server tells', () => {
  it('of what it dials, with its counters', async () => {
    const [far, target] = memoryPair();
    const { client$, events } = embedded(() => NEVER, {
      server: { forward: { dial: () => of(far) } },
    });
    const client = await connected(client$);
    const duplex = await new Promise<ByteDuplex>((resolve) =>
      keepOpen(client.dial('db', 5432).subscribe(resolve)),
    );
    keepOpen(duplex.readable$.subscribe());
    keepOpen(target.readable$.subscribe({ complete: () => target.end() }));
    target.write(utf8Bytes('hello you'), () => undefined);
    duplex.write(utf8Bytes('hello'), () => undefined);
    await settled();
    expect(told(events)).toEqual(['forward-opened']);
    duplex.end();
    await settled();
    expect(told(events)).toEqual(['forward-opened', 'forward-closed 127.0.0.1 db:5432 5 9']);
  });

  it('of listeners and of who comes to them, before the end of the connection', async () => {
    let arrive: (duplex: ByteDuplex) => void = () => undefined;
    const listen: ForwardHandlers['listen'] = () =>
      new Observable<ListenerEvent>((subscriber) => {
        subscriber.next({ type: 'listening', at: { host: '127.0.0.1', port: 4000 } });
        arrive = (duplex) => subscriber.next({ type: 'connection', duplex });
      });
    const { client$, events } = embedded(() => NEVER, { server: { forward: { listen } } });
    const connection = new Subscription();
    const client = await new Promise<SshClient>((resolve) =>
      connection.add(client$.subscribe(resolve)),
    );
    keepOpen(client.listen('', 0).subscribe({ error: () => undefined }));
    await settled();
    arrive(memoryPair()[0]);
    await settled();
    expect(told(events)).toEqual(['listener-opened 127.0.0.1:4000', 'forward-opened']);
    connection.unsubscribe();
    await settled();
    expect(told(events).slice(2)).toEqual([
      'listener-closed 127.0.0.1:4000',
      'forward-closed  :4000 0 0 connection-lost',
      'closed',
    ]);
  });

  it('of nothing that it has refused', async () => {
    const { client$, events } = embedded(() => NEVER, {
      server: { forward: { dial: () => false, listen: () => false } },
    });
    const client = await connected(client$);
    await expect(firstValueFrom(client.dial('db', 1))).rejects.toMatchObject({
      kind: 'channel-open',
    });
    await expect(firstValueFrom(client.listen('', 1))).rejects.toMatchObject({
      kind: 'request-refused',
    });
    expect(told(events)).toEqual([]);
  });
});

describe('a handler that does not answer', () => {
  it.each<readonly [string, number | undefined, number]>([
    ['30 s', undefined, 30_000],
    ['what the option says', 5_000, 5_000],
  ])('is let go after %s, and the client refused', async (_name, answerTimeout, milliseconds) => {
    const clock = new Clock();
    let subscribed = 0;
    const silent = new Observable<never>(() => {
      subscribed++;
      return () => subscribed--;
    });
    const forward: ForwardHandlers = {
      ...{ dial: () => silent, listen: () => silent },
      ...(answerTimeout === undefined ? {} : { answerTimeout }),
    };
    const { client$ } = embedded(() => NEVER, {
      server: { forward, scheduler: clock, keepalive: { interval: 0 } },
      client: { connection: { openTimeout: 0 } },
    });
    const client = await connected(client$);
    const refused: unknown[] = [];
    const refuse = (error: unknown): void => void refused.push((error as { kind: string }).kind);
    keepOpen(client.dial('db', 1).subscribe({ error: refuse }));
    keepOpen(client.listen('', 1).subscribe({ error: refuse }));
    await settled();
    expect(subscribed).toBe(2);
    await clock.pass(milliseconds - 1);
    expect([subscribed, refused]).toEqual([2, []]);
    await clock.pass(1);
    await settled();
    expect([subscribed, refused]).toEqual([0, ['channel-open', 'request-refused']]);
    expect(client.isClosed).toBe(false);
  });
});
