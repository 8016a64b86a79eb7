/** A longer way to a server: a proxy on loopback that keeps every chunk for half a round trip. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Server } from './task.ts';

/** More than anyone has on the way: what is measured is the delay, not the proxy. */
const MOST_ON_THE_WAY = 256 * 1024 * 1024;

/** The same server, `milliseconds` further away. */
export async function delayed(
  server: Server,
  milliseconds: number,
): Promise<{ readonly server: Server; stop(): void }> {
  const sockets = new Set<Socket>();
  const proxy = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ ...server, noDelay: true, allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => [near, far].forEach((each) => each.destroy()));
    }
    passOn(near, far, milliseconds / 2);
    passOn(far, near, milliseconds / 2);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const knownHostsFile = `${server.knownHostsFile}-delayed`;
  writeFileSync(knownHostsFile, `[127.0.0.1]:${port} ${server.hostKey}\n`);
  return {
    server: { ...server, host: '127.0.0.1', port, knownHostsFile },
    stop: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function passOn(from: Socket, to: Socket, milliseconds: number): void {
  let onTheWay = 0;
  from.on('data', (chunk) => {
    onTheWay += chunk.length;
    if (onTheWay > MOST_ON_THE_WAY) from.pause();
    setTimeout(() => {
      to.write(chunk);
      onTheWay -= chunk.length;
      if (onTheWay <= MOST_ON_THE_WAY) from.resume();
    }, milliseconds);
  });
  from.once('end', () => setTimeout(() => to.end(), milliseconds));
}
