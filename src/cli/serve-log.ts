/** What `serve` tells on stderr: one line an event, whatever a peer has put into it, and no more lines than anybody can read. */
import { describeExit, type Endpoint, endpointText, escapeText } from '../node.ts';
import type { ServerConnection, ServerEvent } from '../server/index.ts';
import type { Messages } from './io.ts';

/** Longest text of a peer in a line. */
const MAX_SHOWN = 400;
/** Lines in a time, and the time in milliseconds. */
const MAX_LINES = 200;
const INTERVAL = 10_000;

/** What is told of an event; with `level` 0 without any `-v`. */
interface Line {
  readonly level: number;
  readonly text: string;
}

/** Tells of events. */
export class ServeLog {
  readonly #messages: Messages;
  readonly #now: () => number;
  #until = 0;
  #lines = 0;

  constructor(messages: Messages, now: () => number = () => performance.now()) {
    this.#messages = messages;
    this.#now = now;
  }

  tell(event: ServerEvent): void {
    const line = lineOf(event);
    if (line === undefined || !this.#messages.isVerbose(line.level)) return;
    if (this.#now() >= this.#until) this.#begin();
    this.#lines++;
    if (this.#lines < MAX_LINES) this.#messages.notice(line.text);
    if (this.#lines === MAX_LINES) this.#messages.notice('too much at once: the rest is counted');
  }

  #begin(): void {
    const dropped = this.#lines - MAX_LINES + 1;
    if (dropped > 0) this.#messages.notice(`${String(dropped)} lines were left out`);
    this.#lines = 0;
    this.#until = this.#now() + INTERVAL;
  }
}

function lineOf(event: ServerEvent): Line | undefined {
  switch (event.type) {
    case 'listening':
      return undefined;
    case 'draining':
      return { level: 1, text: `nobody new comes in, ${String(event.connections)} are there` };
    case 'refused':
      return { level: 0, text: `${addressOf(event)}: refused: ${event.limit}` };
    default:
      return lineOfConnection(event, who(event.connection));
  }
}

function lineOfConnection(
  event: Extract<ServerEvent, { connection: ServerConnection }>,
  who: string,
): Line {
  switch (event.type) {
    case 'handler-error':
      return { level: 0, text: `${who}: the handler has failed: ${shown(event.error)}` };
    case 'auth-attempt': {
      const { user, method, outcome, with: key, reason } = event.attempt;
      const details = [key, reason].filter((detail) => detail !== undefined).map(shown);
      const text = `${who}: ${method} for ${user} was ${[outcome, ...details].join(', ')}`;
      return { level: 1, text };
    }
    case 'exec':
      return { level: 1, text: `${who}: exec ${shown(event.session.command ?? '')}` };
    case 'exit':
      return { level: 1, text: `${who}: the command ${describeExit(event.exit)}` };
    case 'authenticated':
      return { level: 1, text: `${who}: logged in by ${event.login.method}` };
    case 'listener-opened':
    case 'listener-closed':
      return { level: 1, text: `${who}: ${event.type} ${placeOf(event.at)}` };
    case 'forward-closed': {
      const { to, bytesSent, bytesReceived } = event.forwarded;
      const way = `${who}: forwarded to ${to === undefined ? 'nowhere' : placeOf(to)}`;
      const counts = `${String(bytesSent)} bytes sent, ${String(bytesReceived)} received`;
      const why = event.error === undefined ? '' : `: ${shown(event.error)}`;
      return { level: 1, text: `${way}: ${counts}${why}` };
    }
    case 'closed': {
      const why = event.error === undefined ? '' : `: ${shown(event.error)}`;
      return { level: 1, text: `${who}: closed${why}` };
    }
    default:
      return { level: event.type === 'connection' ? 1 : 2, text: `${who}: ${event.type}` };
  }
}

function who({ peer, user }: ServerConnection): string {
  const from = addressOf({ peer });
  return user === undefined ? from : `${shown(user)} from ${from}`;
}

function addressOf({ peer }: Pick<ServerConnection, 'peer'>): string {
  return peer === undefined ? 'somebody' : `${peer.address} port ${String(peer.port)}`;
}

function placeOf(endpoint: Endpoint): string {
  return endpointText(endpoint).slice(0, MAX_SHOWN);
}

function shown(what: unknown): string {
  return escapeText(what instanceof Error ? what.message : String(what), MAX_SHOWN);
}
