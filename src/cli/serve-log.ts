/** What `serve` tells on stderr with `-v`: one line an event, whatever a peer has put into it. */
import { describeExit, escapeText } from '../node.ts';
import type { ServerConnection, ServerEvent } from '../server/index.ts';
import type { Messages } from './io.ts';

/** Longest text of a peer in a line. */
const MAX_SHOWN = 400;

/** Tells of an event. */
export function tellEvent(event: ServerEvent, messages: Messages): void {
  switch (event.type) {
    case 'listening':
      return;
    case 'draining':
      messages.verbose(
        1,
        `nobody new comes in; ${String(event.connections)} connections are there`,
      );
      return;
    case 'refused':
      messages.notice(`a connection was refused: ${event.limit}`);
      return;
    case 'handler-error':
      messages.notice(`${who(event.connection)}: the handler has failed: ${shown(event.error)}`);
      return;
    case 'exec':
      messages.verbose(1, `${who(event.connection)}: exec ${shown(event.session.command ?? '')}`);
      return;
    case 'exit':
      messages.verbose(1, `${who(event.connection)}: the command ${describeExit(event.exit)}`);
      return;
    case 'authenticated':
      messages.verbose(1, `${who(event.connection)}: logged in by ${event.login.method}`);
      return;
    case 'closed': {
      const why = event.error === undefined ? '' : `: ${shown(event.error)}`;
      messages.verbose(1, `${who(event.connection)}: closed${why}`);
      return;
    }
    default:
      messages.verbose(
        event.type === 'connection' ? 1 : 2,
        `${who(event.connection)}: ${event.type}`,
      );
  }
}

function who({ peer, user }: ServerConnection): string {
  const from = peer === undefined ? 'somebody' : `${peer.address} port ${String(peer.port)}`;
  return user === undefined ? from : `${shown(user)} from ${from}`;
}

function shown(what: unknown): string {
  return escapeText(what instanceof Error ? what.message : String(what), MAX_SHOWN);
}
