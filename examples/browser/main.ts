/**
 * SSH in a page: `npm run browser` starts an SSH server, the relay to it and the page, all on this machine, and prints where to look.
 *
 *     node build/examples/browser/main.js [--port 8022] [--ssh-port 0] [--allow HOST:PORT]… [--page FOLDER]
 *
 * With `--allow` the relay also reaches other servers, and the page can choose them.
 */
import { parseArgs } from 'node:util';
import { type ServerEvent, type TcpEndpoint } from 'rxssh';
import { fromEvent, merge, switchMap, takeUntil, tap } from 'rxjs';
import { bundlePage } from './bundle.ts';
import { relay } from './relay.ts';
import { embeddedServer, USER } from './server.ts';
import { servePage } from './web-server.ts';

const LOOPBACK = '127.0.0.1';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8022' },
    'ssh-port': { type: 'string', default: '0' },
    allow: { type: 'string', multiple: true, default: [] },
    page: { type: 'string' },
  },
});
const folder = values.page ?? (await bundlePage('build/browser'));
const server = await embeddedServer(Number(values['ssh-port']));
const allowed: TcpEndpoint[] = values.allow.map((text) => ({
  host: text.slice(0, text.lastIndexOf(':')),
  port: Number(text.slice(text.lastIndexOf(':') + 1)),
}));
const hosts = (): readonly string[] => allowed.map(({ host, port }) => `${host}:${port}`);

const server$ = server.event$.pipe(
  tap((event) => {
    if (event.type === 'listening') allowed.unshift({ host: LOOPBACK, port: event.port });
    tell(event);
  }),
);

const page$ = servePage(Number(values.port), folder, hosts).pipe(
  tap((web) => {
    const address = web.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    console.log(`page      http://${LOOPBACK}:${port}/`);
  }),
  switchMap((web) => relay(web, allowed)),
);

/** What happens on the server, one line each. */
function tell(event: ServerEvent): void {
  if (event.type === 'listening') {
    console.log(`server    ${LOOPBACK}:${event.port}, host key ${server.fingerprint}`);
    console.log(`log in    as ${USER} with password ${server.password}, or with this key:`);
    console.log(server.userKey);
  } else if (event.type === 'authenticated') {
    note(`${event.login.user} has logged in by ${event.login.method}`);
  } else if (event.type === 'shell') {
    event.session.windowChange$.subscribe(({ columns, rows }) =>
      note(`the terminal has ${columns} columns and ${rows} rows`),
    );
  } else if (event.type === 'closed') {
    note(`a connection is over: ${event.error?.message ?? 'disconnected'}`);
  }
}

function note(text: string): void {
  console.log(`          ${text}`);
}

merge(server$, page$)
  .pipe(takeUntil(merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'))))
  .subscribe();
