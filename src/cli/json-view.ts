/** `--json`: one event a line, and nothing else on stdout. */
import type { FleetEvent, FleetSummary, HostEvent } from '../node.ts';
import type { ExecView } from './exec-view.ts';
import { Utf8Pieces } from './utf8-pieces.ts';
import type { Writer } from './writer.ts';

/** Shows events as JSON. Output is `text`, or `base64` where the bytes are not UTF-8. */
export function json(stdout: Writer): ExecView {
  const pieces = new Map<string, Utf8Pieces>();
  const write = (line: object): void => {
    stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  };
  const piecesOf = (index: number, type: 'stdout' | 'stderr'): Utf8Pieces => {
    const key = `${String(index)} ${type}`;
    const known = pieces.get(key) ?? new Utf8Pieces();
    pieces.set(key, known);
    return known;
  };
  const flush = (host: string, index: number): void => {
    for (const type of ['stdout', 'stderr'] as const) {
      for (const output of piecesOf(index, type).end()) write({ host, event: type, ...output });
      pieces.delete(`${String(index)} ${type}`);
    }
  };
  return {
    show({ host, index, event }: FleetEvent): void {
      if ('data' in event) {
        for (const output of piecesOf(index, event.type).push(event.data)) {
          write({ host, event: event.type, ...output });
        }
        return;
      }
      // the exit, an error and the end stand behind all output
      if (event.type !== 'started') flush(host, index);
      write({ host, event: event.type, ...facts(event) });
    },
    end: (summary) => write({ event: 'summary', ...summaryFacts(summary) }),
  };
}

function facts(event: Exclude<HostEvent, { readonly data: Uint8Array }>): object {
  switch (event.type) {
    case 'started':
      return { attempt: event.attempt };
    case 'exit': {
      const { exit } = event;
      if (exit.kind === 'status') return { status: exit.status };
      if (exit.kind === 'missing') return { status: null };
      return { signal: exit.signal, coreDumped: exit.coreDumped };
    }
    case 'error':
      return { kind: event.error.kind, message: event.error.message };
    case 'done':
      return { attempts: event.attempts, seconds: event.milliseconds / 1000 };
  }
}

function summaryFacts({ milliseconds, ...counts }: FleetSummary): object {
  return { ...counts, seconds: milliseconds / 1000 };
}
