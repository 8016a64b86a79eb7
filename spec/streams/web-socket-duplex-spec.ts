/** What a page's WebSocket cannot do, and what becomes of it: no pause, no half-close, no word of what has left. */
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, VirtualTimeScheduler } from 'rxjs';
import { isSshError, SshError } from '../../src/errors.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { connectWebSocket } from '../../src/streams/connect-web-socket.ts';
import {
  webSocketDuplex,
  type WebSocketLike,
  type WebSocketOptions,
} from '../../src/streams/web-socket-duplex.ts';

/** A WebSocket as pages have it, moved by the spec. */
class PageSocket implements WebSocketLike {
  readonly url = 'ws://relay.example:8080/db1';
  readyState = 0;
  bufferedAmount = 0;
  binaryType = 'blob';
  readonly sent: Uint8Array[] = [];
  readonly closes: (number | undefined)[] = [];
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: Uint8Array): void {
    this.sent.push(data);
    this.bufferedAmount += data.length;
  }

  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 2;
  }

  opens(): void {
    this.readyState = 1;
    this.#tell('open', {});
  }

  gets(data: unknown): void {
    this.#tell('message', { data });
  }

  isClosed(code: number, reason = ''): void {
    this.readyState = 3;
    this.#tell('close', { code, reason });
  }

  #tell(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
}

function opened(options: WebSocketOptions = {}): {
  socket: PageSocket;
  duplex: ReturnType<typeof webSocketDuplex>;
} {
  const socket = new PageSocket();
  socket.readyState = 1;
  return { socket, duplex: webSocketDuplex(socket, options) };
}

/** What a reader of a duplex hears. */
function read(
  duplex: ReturnType<typeof webSocketDuplex>,
  received: () => void = () => undefined,
): { bytes: number; end: SshError | 'complete' | undefined } {
  const heard: ReturnType<typeof read> = { bytes: 0, end: undefined };
  duplex.readable$.subscribe({
    next: (chunk) => {
      heard.bytes += chunk.length;
      received();
    },
    error: (error: unknown) => (heard.end = error as SshError),
    complete: () => (heard.end = 'complete'),
  });
  return heard;
}

const bytes = (length: number): ArrayBuffer => new ArrayBuffer(length);

describe('webSocketDuplex over the WebSocket of a page', () => {
  it('asks for bytes, not for Blobs', () => {
    expect(opened().socket.binaryType).toBe('arraybuffer');
  });

  it('keeps what comes while credit is held, up to maxWaiting, and then errors with overflow behind it', async () => {
    const { socket, duplex } = opened({ maxWaiting: 1000 });
    const held: Release[] = [];
    const heard = read(duplex, () => held.push(holdCredit()));
    for (let at = 0; at < 3; at++) socket.gets(bytes(500));
    expect(heard).toEqual({ bytes: 500, end: undefined });
    expect(socket.closes).toEqual([]);
    socket.gets(bytes(1));
    expect(socket.closes).toEqual([4000]);
    socket.gets(bytes(7));
    while (held.length > 0) {
      for (const release of held.splice(0)) release();
      await Promise.resolve();
    }
    expect(heard.bytes).toBe(1501);
    expect(isSshError(heard.end, 'overflow') && heard.end.detail).toEqual({
      what: 'bytes received',
      limit: 1000,
    });
    socket.isClosed(4000);
    expect(await firstValueFrom(duplex.closed$!)).toBe(heard.end);
  });

  it('counts as waiting what comes before there is a reader', () => {
    const { socket, duplex } = opened({ maxWaiting: 1000 });
    socket.gets(bytes(1001));
    const heard = read(duplex);
    expect(heard.bytes).toBe(1001);
    expect(isSshError(heard.end, 'overflow')).toBe(true);
  });

  it('counts messages, too: empty ones do not wait without end', () => {
    const { socket } = opened({ maxWaiting: 1000 });
    for (let at = 0; at < 15; at++) socket.gets(bytes(0));
    expect(socket.closes).toEqual([]);
    socket.gets(bytes(0));
    expect(socket.closes).toEqual([4000]);
  });

  it('is done with writes as long as at most 1 MiB has not left, and looks again every 5 ms, or when a message comes', () => {
    const scheduler = new VirtualTimeScheduler();
    const { socket, duplex } = opened({ scheduler });
    const done: string[] = [];
    const write = (name: string, length: number): void =>
      duplex.write(new Uint8Array(length), () => done.push(name));
    write('a', 1024 * 1024);
    expect(done).toEqual(['a']);
    write('b', 1);
    write('c', 1);
    expect(done).toEqual(['a']);
    socket.bufferedAmount = 100;
    socket.gets(bytes(1));
    expect(done).toEqual(['a', 'b', 'c']);
    write('d', 2 * 1024 * 1024);
    scheduler.maxFrames = 20;
    scheduler.flush();
    expect(done).toEqual(['a', 'b', 'c']);
    socket.bufferedAmount = 0;
    scheduler.maxFrames = 30;
    scheduler.flush();
    expect(done).toEqual(['a', 'b', 'c', 'd']);
  });

  it('copies what it is given: it is the writer’s again when the write is done', () => {
    const { socket, duplex } = opened();
    const ours = new Uint8Array([1, 2, 3]);
    duplex.write(ours, () => ours.fill(0));
    expect(socket.sent).toEqual([new Uint8Array([1, 2, 3])]);
  });

  it('tells closing codes other than 1000 with their reasons, which are escaped', async () => {
    const { socket, duplex } = opened();
    const heard = read(duplex);
    socket.isClosed(4403, 'not \u001b[31mallowed');
    expect(String(heard.end)).toContain('the WebSocket was closed with 4403: not \\x1b[31mallowed');
    expect(await firstValueFrom(duplex.closed$!)).toBe(heard.end);
  });

  it('takes a message of text for the end of the connection', () => {
    const { socket, duplex } = opened();
    const heard = read(duplex);
    socket.gets('SSH-2.0-text');
    expect(isSshError(heard.end, 'connection-lost')).toBe(true);
    expect(socket.closes).toEqual([4000]);
  });

  it('tells the other end whether it is an end or a failure', () => {
    const [ended, destroyed, failed] = [opened(), opened(), opened()];
    ended.duplex.end();
    destroyed.duplex.destroy();
    failed.duplex.destroy(new SshError('aborted', 'aborted', {}));
    expect([ended, destroyed, failed].map(({ socket }) => socket.closes)).toEqual([
      [1000],
      [1000],
      [4000],
    ]);
  });
});

describe('connectWebSocket', () => {
  it('emits when the socket is open; unsubscribing closes it', () => {
    const socket = new PageSocket();
    let emitted = 0;
    const subscription = connectWebSocket(() => socket).subscribe(() => emitted++);
    expect(emitted).toBe(0);
    socket.opens();
    expect(emitted).toBe(1);
    subscription.unsubscribe();
    expect(socket.closes).toEqual([1000]);
  });

  it('gives up a socket that is not open yet', () => {
    const socket = new PageSocket();
    connectWebSocket(() => socket)
      .subscribe()
      .unsubscribe();
    expect(socket.closes).toEqual([undefined]);
  });

  it('errors with timeout when that takes too long, and is as long as it takes once it is open', () => {
    const scheduler = new VirtualTimeScheduler();
    const sockets = [new PageSocket(), new PageSocket()];
    const heard: unknown[] = [];
    for (const socket of sockets)
      connectWebSocket(() => socket, { timeout: 500, scheduler }).subscribe({
        error: (error: unknown) => heard.push(error),
      });
    sockets[0]?.opens();
    scheduler.flush();
    expect(heard).toMatchObject([
      { kind: 'timeout', detail: { phase: 'connect', milliseconds: 500 } },
    ]);
    expect(sockets.map(({ closes }) => closes)).toEqual([[], [undefined]]);
  });

  it('is what webSocketDuplex wants for a socket that is not open yet: what is written there would be lost', () => {
    expect(() => webSocketDuplex(new PageSocket())).toThrow('connectWebSocket waits for it');
  });

  it('errors with connect when it does not open', async () => {
    const socket = new PageSocket();
    const opening = firstValueFrom(connectWebSocket(() => socket));
    socket.isClosed(1006);
    await expect(opening).rejects.toMatchObject({
      kind: 'connect',
      detail: { host: 'relay.example', port: 8080 },
    });
  });

  it('errors with connect for what has no URL, and with config for what makes none', async () => {
    const socket = Object.assign(new PageSocket(), { url: 'a relay' });
    const opening = firstValueFrom(connectWebSocket(() => socket));
    socket.isClosed(1006);
    await expect(opening).rejects.toMatchObject({ kind: 'connect', detail: { host: 'a relay' } });
    const made = connectWebSocket(() => {
      throw new TypeError('out of sockets');
    });
    await expect(firstValueFrom(made)).rejects.toMatchObject({
      kind: 'config',
      message: 'no WebSocket: out of sockets',
      detail: { option: 'open' },
    });
  });

  it('errors with unsupported without WebSockets, and with config for a URL that is none', async () => {
    const globals = globalThis as { WebSocket?: unknown };
    const before = globals.WebSocket;
    try {
      delete globals.WebSocket;
      await expect(firstValueFrom(connectWebSocket('wss://x'))).rejects.toMatchObject({
        kind: 'unsupported',
      });
      globals.WebSocket = function refuse() {
        throw new SyntaxError('not a URL');
      };
      await expect(firstValueFrom(connectWebSocket('//'))).rejects.toMatchObject({
        kind: 'config',
        detail: { option: 'url' },
      });
    } finally {
      if (before === undefined) delete globals.WebSocket;
      else globals.WebSocket = before;
    }
  });
});
