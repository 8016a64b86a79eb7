/** TCP and unix sockets of Node's own, at the ends of what is proven. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';

let servers: Server[] = [];
let sockets: Socket[] = [];

/** Closes everything that a test has opened here. */
export async function closeSockets(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  const closing = servers;
  servers = [];
  await Promise.all(closing.map((server) => new Promise((resolve) => server.close(resolve))));
}

function keep(socket: Socket): Socket {
  sockets.push(socket);
  // each test looks at the errors that it expects
  socket.on('error', () => undefined);
  return socket;
}

/** A server on a free port, or a unix socket; resolves with the port. */
export async function serveSockets(
  handle: (socket: Socket) => void,
  socketPath?: string,
  port = 0,
): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => handle(keep(socket)));
  servers.push(server);
  if (socketPath === undefined) server.listen(port, '127.0.0.1');
  else server.listen(socketPath);
  await once(server, 'listening');
  return socketPath === undefined ? (server.address() as AddressInfo).port : 0;
}

/** Sends back whatever comes, and ends when the other side has. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** A connection to a port of this machine, or a unix socket. */
export async function dialSocket(to: number | string): Promise<Socket> {
  const socket = keep(
    typeof to === 'number'
      ? net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
      : net.connect({ path: to, allowHalfOpen: true }),
  );
  await once(socket, 'connect');
  return socket;
}

/** Everything that comes until the other side ends; rejects when it breaks. */
export function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () => resolve(Buffer.concat(chunks)))
      .once('error', reject);
  });
}

/** What comes until the other side ends or breaks. */
export function readSome(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () => resolve(Buffer.concat(chunks)))
      .once('error', () => resolve(Buffer.concat(chunks)));
  });
}

/** Says something, ends, and returns what is said in return. */
export async function say(to: number | string, text: string): Promise<string> {
  const socket = await dialSocket(to);
  socket.end(text);
  return (await readAll(socket)).toString();
}

/** SHA-256 in hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
