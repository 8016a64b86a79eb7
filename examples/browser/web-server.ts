/** Serves the page: its three files, the list of hosts, and a policy that lets it load nothing from elsewhere. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Observable } from 'rxjs';

/** xterm.js sets styles by itself; Poly1305 and ChaCha20 are WebAssembly, for which the page would else take plain JavaScript. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html'],
  '/main.js': ['main.js', 'text/javascript'],
  '/style.css': ['style.css', 'text/css'],
};

/** Emits the server when it listens on this machine; unsubscribing closes it. `hosts` is what the page may choose from. */
export function servePage(
  port: number,
  folder: string,
  hosts: () => readonly string[],
): Observable<Server> {
  return new Observable((out) => {
    const server = createServer((request, response) => {
      const headers = { 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' };
      const [name, type] = FILES[request.url ?? ''] ?? [];
      if (request.url === '/hosts.json') {
        response.writeHead(200, { ...headers, 'content-type': 'application/json' });
        response.end(JSON.stringify(hosts()));
      } else if (name === undefined) {
        response.writeHead(404, headers).end();
      } else {
        response.writeHead(200, { ...headers, 'content-type': `${type ?? ''}; charset=utf-8` });
        response.end(readFileSync(join(folder, name)));
      }
    });
    server.once('error', (error) => out.error(error));
    server.listen(port, '127.0.0.1', () => out.next(server));
    return () => {
      server.close();
      server.closeAllConnections();
    };
  });
}
