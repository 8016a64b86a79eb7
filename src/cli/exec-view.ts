/** What `exec` shows: one host's output as it is, many hosts' with their names, or equal outputs once. */
import {
  describeExit,
  escapeText,
  type FleetEvent,
  type FleetGroup,
  type FleetSummary,
  type SshError,
} from '../node.ts';
import type { Messages } from './io.ts';
import { LinePrefixer } from './line-prefixer.ts';
import type { Writer } from './writer.ts';

/** Shows what happens. Called within the delivery of each event: what holds its credit slows the host down. */
export interface ExecView {
  show(event: FleetEvent): void;
  /** Called once, before `end`, where hosts are gathered. */
  group?(group: FleetGroup): void;
  end(summary: FleetSummary): void;
}

/** Bytes of output that are given names at a time. */
const PIECE = 4 * 1024;

/** Where to show it. */
export interface ViewParts {
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly messages: Messages;
  /** Is there more than one host? */
  readonly isFleet: boolean;
}

/** The view of one host: stdout and stderr byte for byte. */
export function passThrough({ stdout, stderr, messages }: ViewParts): ExecView {
  return {
    show({ host, event }): void {
      switch (event.type) {
        case 'stdout':
          stdout.write(event.data);
          return;
        case 'stderr':
          stderr.write(event.data);
          return;
        case 'started':
          if (event.after !== undefined) tellRetry(host, event.after, messages);
          return;
        case 'exit':
          if (event.exit.kind !== 'status')
            messages.notice(`the command ${describeExit(event.exit)}`);
          return;
        case 'error':
          messages.error(`${escapeText(host)}: ${event.error.message}`);
          return;
        case 'done':
      }
    },
    end: () => undefined,
  };
}

/** The view of many hosts: each line behind its host's name. */
export function prefixed({ stdout, stderr, messages }: ViewParts): ExecView {
  const outlets = {
    stdout: prefixedOutlet(stdout, messages),
    stderr: prefixedOutlet(stderr, messages),
  };
  return {
    show(fleetEvent): void {
      const { host, index, event } = fleetEvent;
      switch (event.type) {
        case 'stdout':
        case 'stderr':
          outlets[event.type].push(index, host, event.data);
          return;
        case 'done':
          for (const name of ['stdout', 'stderr'] as const) outlets[name].end(index, host);
          return;
        default:
          tell(fleetEvent, messages);
      }
    },
    end: (summary) => messages.notice(summaryText(summary)),
  };
}

/** Names are put in front of lines when the lines can be written, a piece at a time: `y` is ten times as long with its host. */
function prefixedOutlet(writer: Writer, messages: Messages): Pick<LinePrefixer, 'push' | 'end'> {
  const prefixer = new LinePrefixer((bytes) => messages.around(() => writer.write(bytes)));
  return {
    push(index, host, data): void {
      for (let at = 0; at < data.length; at += PIECE) {
        writer.whenReady(() => prefixer.push(index, host, data.subarray(at, at + PIECE)));
      }
    },
    end: (index, host) => writer.whenReady(() => prefixer.end(index, host)),
  };
}

/** The view of gathered hosts: every output once, under the hosts that gave it. */
export function gathered({ stdout, stderr, messages }: ViewParts): ExecView {
  return {
    show(fleetEvent): void {
      if (fleetEvent.event.type === 'started') tell(fleetEvent, messages);
    },
    group(group): void {
      const title = `${groupTitle(group)}\n`;
      messages.around(() => {
        stdout.write(title);
        stdout.write(whole(group.stdoutBytes));
        // on a terminal of both, the title is there already
        if (group.stderrBytes.length > 0) stderr.write(whole(group.stderrBytes));
      });
      group.errors.forEach((error, index) => {
        messages.error(`${escapeText(group.hosts[index] ?? '')}: ${error.message}`);
      });
    },
    end: (summary) => messages.notice(summaryText(summary)),
  };
}

function groupTitle({ hosts, exit, errors }: FleetGroup): string {
  const names = hosts.map((host) => escapeText(host)).join(',');
  const count = hosts.length > 1 ? ` (${String(hosts.length)})` : '';
  const how = exit === undefined ? (errors[0]?.kind ?? 'nothing') : describeExit(exit);
  return `--- ${names}${count}: ${how}`;
}

/** The next title begins a line. */
function whole(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || bytes.at(-1) === 0x0a) return bytes;
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  ended[bytes.length] = 0x0a;
  return ended;
}

/** What is not output, on stderr. */
function tell({ host, event }: FleetEvent, messages: Messages): void {
  const shown = escapeText(host);
  if (event.type === 'started' && event.after !== undefined) tellRetry(host, event.after, messages);
  if (event.type === 'error')
    messages.error(`${shown}: ${event.error.kind}: ${event.error.message}`);
  if (event.type !== 'exit') return;
  const { exit } = event;
  if (exit.kind !== 'status' || exit.status !== 0)
    messages.notice(`${shown}: the command ${describeExit(exit)}`);
}

function tellRetry(host: string, error: SshError, messages: Messages): void {
  messages.notice(`${escapeText(host)}: ${error.message}; trying again`);
}

/** `20 hosts: 18 ok, 1 failed, 1 error (auth); largest status 255; 3.2 s` */
function summaryText(summary: FleetSummary): string {
  const { hosts, ok, failed, errors, errorsByKind, unfinished, largestStatus } = summary;
  const kinds = Object.entries(errorsByKind).map(([kind, count]) => `${kind} ${String(count)}`);
  const parts = [
    `${String(ok)} ok`,
    `${String(failed)} failed`,
    `${String(errors)} errors${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`,
    ...(unfinished === 0 ? [] : [`${String(unfinished)} cut off`]),
  ];
  const time = (summary.milliseconds / 1000).toFixed(1);
  return `${String(hosts)} hosts: ${parts.join(', ')}; largest status ${String(largestStatus)}; ${time} s`;
}
