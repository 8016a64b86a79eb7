/** `rxssh forward`: ports of this machine or of the host, led through the host. */
import type { Command } from 'commander';
import {
  concat,
  defer,
  ignoreElements,
  merge,
  NEVER,
  type Observable,
  of,
  type OperatorFunction,
  tap,
} from 'rxjs';
import {
  type EndpointPermit,
  endpointText,
  escapeText,
  type ForwardedConnection,
  type ForwardEvent,
  forwardLocal,
  forwardRemote,
  remoteSocksProxy,
  socksProxy,
  type SshClient,
  type SshError,
  withClient,
} from '../node.ts';
import {
  addClientOptions,
  type ClientFlags,
  clientSettings,
  collect,
  verbosityOf,
} from './client-options.ts';
import { connector, namedHost } from './client-setup.ts';
import { dynamicSpec, forwardSpec, remoteSpec } from './forward-specs.ts';
import { type CliIo, Messages } from './io.ts';
import { permitOf } from './permits.ts';
import { UsageError } from './usage.ts';
import { whenWritten, Writer } from './writer.ts';

/** What commander makes of the options. */
export interface ForwardFlags extends ClientFlags {
  readonly L?: readonly string[];
  readonly R?: readonly string[];
  readonly D?: readonly string[];
  readonly json?: boolean;
}

/** One forwarding of the command line. */
interface Forwarding {
  readonly option: '-L' | '-R' | '-D';
  readonly run: OperatorFunction<SshClient, ForwardEvent>;
}

/** Describes the command. */
export function forwardCommand(command: Command): Command {
  return addClientOptions(
    command
      .description('forward ports and unix sockets')
      .usage('(-L [bind:]port:host:hostport | -R … | -D [bind:]port)... [options] HOST')
      .argument('<host>', '[user@]host[:port], or ssh://…'),
  )
    .option('-L <spec>', 'listen here, connect from the host (repeatable)', collect)
    .option(
      '-R <spec>',
      'listen at the host, connect from here; for SOCKS when a port stands alone (repeatable)',
      collect,
    )
    .option('-D <spec>', 'listen here for SOCKS (repeatable)', collect)
    .option('--json', 'one event a line');
}

/** Runs it until it is ended or the connection is lost. Throws a `UsageError` before anything is done. */
export function runForward(name: string, flags: ForwardFlags, io: CliIo): Observable<number> {
  const settings = clientSettings(flags);
  const forwardings = forwardingsOf(flags, permitOf('PermitRemoteOpen', settings));
  if (forwardings.length === 0) throw new UsageError('nothing to forward: give -L, -R or -D');
  const host = namedHost(name);
  const messages = new Messages(io.stderr, verbosityOf(flags));
  const connectTo = connector(settings, io, messages);
  const stdout = new Writer(io.stdout);
  const view = flags.json === true ? jsonView(name, stdout) : textView(name, stdout, messages);
  return defer(() =>
    connectTo(host).pipe(
      withClient((client) =>
        merge(
          ...forwardings.map(({ option, run }) =>
            concat(of(client), NEVER).pipe(
              run,
              tap((event) => show(view, option, event)),
            ),
          ),
        ),
      ),
      ignoreElements(),
      whenWritten(stdout),
    ),
  );
}

function forwardingsOf(
  { L = [], R = [], D = [] }: ForwardFlags,
  permitRemote: EndpointPermit,
): readonly Forwarding[] {
  return [
    ...L.map((text): Forwarding => ({ option: '-L', run: forwardLocal(forwardSpec('-L', text)) })),
    ...R.map((text): Forwarding => ({ option: '-R', run: remoteForwarding(text, permitRemote) })),
    ...D.map((text): Forwarding => ({
      option: '-D',
      run: socksProxy({ listen: dynamicSpec(text) }),
    })),
  ];
}

/** A port alone is a SOCKS proxy, as of OpenSSH 7.6; where its clients may go, PermitRemoteOpen says. */
function remoteForwarding(text: string, permit: EndpointPermit): Forwarding['run'] {
  const { listen, to } = remoteSpec(text);
  return to === undefined ? remoteSocksProxy({ listen, permit }) : forwardRemote({ listen, to });
}

/** How events are shown. */
interface View {
  listening(option: Forwarding['option'], at: string): void;
  ended(connection: ForwardedConnection, error: SshError | undefined): void;
}

function show(view: View, option: Forwarding['option'], event: ForwardEvent): void {
  if (event.type === 'listening') {
    view.listening(option, endpointText(event.at));
    return;
  }
  const { connection } = event;
  // eslint-disable-next-line rxjs-x/no-ignored-subscription -- a connection that is over has told so
  connection.closed$.subscribe((error) => view.ended(connection, error));
}

function textView(name: string, stdout: Writer, messages: Messages): View {
  const host = escapeText(name);
  return {
    listening: (option, at) =>
      stdout.write(option === '-R' ? `${host} listening on ${at}\n` : `listening on ${at}\n`),
    ended: (connection, error) => {
      const { from, to, bytesSent, bytesReceived } = factsOf(connection);
      const what = `${from} to ${to}: ${String(bytesSent)} bytes sent, ${String(bytesReceived)} received`;
      if (error === undefined) messages.verbose(1, what);
      else if (error.kind !== 'released') messages.notice(`${what}: ${escapeText(error.message)}`);
    },
  };
}

function jsonView(host: string, stdout: Writer): View {
  const write = (facts: object): void => {
    stdout.write(`${JSON.stringify({ time: new Date().toISOString(), host, ...facts })}\n`);
  };
  return {
    listening: (option, at) => write({ event: 'started', option, listening: at }),
    ended: (connection, error) => {
      const facts = factsOf(connection);
      if (error === undefined) write({ event: 'done', ...facts });
      else write({ event: 'error', kind: error.kind, message: error.message, ...facts });
    },
  };
}

function factsOf({ peer, to, bytesSent, bytesReceived }: ForwardedConnection): {
  readonly from: string;
  readonly to: string;
  readonly bytesSent: number;
  readonly bytesReceived: number;
} {
  const from =
    peer === undefined ? 'somebody' : endpointText({ host: peer.address, port: peer.port });
  return { from, to: to === undefined ? 'nowhere' : endpointText(to), bytesSent, bytesReceived };
}
