/** The contract of byte duplexes over everything that is one. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import {
  combineLatest,
  filter,
  type firstValueFrom,
  map,
  share,
  Subscription,
  switchMap,
} from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { nodeDuplex } from '../../src/streams/node-duplex-node.ts';
import { type ListenEvent, listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { connectTcp } from '../../src/streams/tcp-node.ts';
import { toNodeDuplex } from '../../src/streams/to-node-duplex-node.ts';
import { connectWebSocket } from '../../src/streams/connect-web-socket.ts';
import { webSocketDuplex } from '../../src/streams/web-socket-duplex.ts';
import { webDuplex } from '../../src/streams/web-streams.ts';
import { byteDuplexContract, type DuplexPair } from '../contract/byte-duplex.ts';
import { nodeStreamPair } from '../support/duplex-pair.ts';

type Of<T extends ListenEvent['type']> = Extract<ListenEvent, { readonly type: T }>;
const isOf =
  <T extends ListenEvent['type']>(type: T) =>
  (event: ListenEvent): event is Of<T> =>
    event.type === type;

/** A dialled socket and an accepted one. */
async function tcpPair(): Promise<DuplexPair> {
  const events$ = listenTcp({ port: 0 }).pipe(share());
  const accepted$ = events$.pipe(
    filter(isOf('connection')),
    map(({ duplex }) => duplex),
  );
  const dialled$ = events$.pipe(
    filter(isOf('listening')),
    switchMap(({ address, port }) => connectTcp({ host: address, port })),
  );
  let close = (): void => undefined;
  const both$ = combineLatest([dialled$, accepted$]);
  const [near, far] = await new Promise<
    Awaited<ReturnType<typeof firstValueFrom<readonly [DuplexPair['near'], DuplexPair['far']]>>>
  >((resolve, reject) => {
    const subscription = both$.subscribe({ next: resolve, error: reject });
    close = () => subscription.unsubscribe();
  });
  return { near, far, close };
}

function webPair(): DuplexPair {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return {
    near: webDuplex({ readable: back.readable, writable: there.writable }),
    far: webDuplex({ readable: there.readable, writable: back.writable }),
  };
}

/** A socket of `ws` that was opened, and the accepted one. */
async function webSocketPair(): Promise<Required<DuplexPair>> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const opened$ = connectWebSocket(() => new WebSocket(`ws://127.0.0.1:${String(port)}`));
  let opening = Subscription.EMPTY;
  const near = new Promise<ByteDuplex>((resolve, reject) => {
    opening = opened$.subscribe({ next: resolve, error: reject });
  });
  const [socket] = await accepted;
  const close = (): void => {
    opening.unsubscribe();
    server.close();
    for (const client of server.clients) client.terminate();
  };
  return { near: await near, far: webSocketDuplex(socket), close };
}

byteDuplexContract('memoryPair', async () => {
  const [near, far] = memoryPair();
  return { near, far };
});

byteDuplexContract('memoryPair in small pieces, with credit', async () => {
  const [near, far] = memoryPair({ chunk: 997, credit: 10_000 });
  return { near, far };
});

byteDuplexContract('a dialled TCP socket', tcpPair);

byteDuplexContract('an accepted TCP socket', async () => {
  const { near, far, close } = await tcpPair();
  return { near: far, far: near, close: close ?? (() => undefined) };
});

byteDuplexContract('webDuplex', async () => webPair());

byteDuplexContract('webDuplex of streams that give buffers', async () => {
  const buffers = (): TransformStream<Uint8Array, ArrayBuffer> =>
    new TransformStream({
      transform: (bytes, out) => out.enqueue(new Uint8Array(bytes).buffer),
    });
  const [there, back] = [buffers(), buffers()];
  return {
    near: webDuplex({ readable: back.readable, writable: there.writable }),
    far: webDuplex({ readable: there.readable, writable: back.writable }),
  };
});

byteDuplexContract('connectWebSocket', webSocketPair, { halfClose: true });

byteDuplexContract(
  'webSocketDuplex',
  async () => {
    const { near, far, close } = await webSocketPair();
    return { near: far, far: near, close };
  },
  { halfClose: true },
);

byteDuplexContract('nodeDuplex', async () => {
  const [near, far] = nodeStreamPair();
  return { near: nodeDuplex(near), far: nodeDuplex(far) };
});

byteDuplexContract('nodeDuplex over web streams', async () => {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  const near = Duplex.fromWeb({ readable: back.readable, writable: there.writable });
  return {
    near: nodeDuplex(near),
    far: webDuplex({ readable: there.readable, writable: back.writable }),
  };
});

byteDuplexContract('nodeDuplex of toNodeDuplex of memoryPair', async () => {
  const [near, far] = memoryPair();
  return { near: nodeDuplex(toNodeDuplex(near)), far };
});
