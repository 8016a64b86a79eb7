/** `--json` of the commands that move or list files: one event a line, and nothing else on stdout. */
import { type FileName, isSshError } from '../node.ts';
import { shownFailure } from './sftp-connection.ts';
import type { Writer } from './writer.ts';

/** Events of hosts as lines, and their counts at the end. */
export class JsonReport {
  readonly #stdout: Writer;
  readonly #begin = performance.now();
  readonly #counts = { files: 0, bytes: 0, errors: 0 };

  constructor(stdout: Writer) {
    this.#stdout = stdout;
  }

  /** A file that was listed or moved, for the counts. */
  count(bytes: number): void {
    this.#counts.files++;
    this.#counts.bytes += bytes;
  }

  event(host: string, event: string, facts: object = {}): void {
    this.#write({ host, event, ...facts });
  }

  error(host: string, thrown: unknown, facts: object = {}): void {
    this.#counts.errors++;
    const kind = isSshError(thrown) ? thrown.kind : 'system';
    this.event(host, 'error', { kind, message: shownFailure(thrown), ...facts });
  }

  summary(largestStatus: number): void {
    const seconds = (performance.now() - this.#begin) / 1000;
    this.#write({ event: 'summary', ...this.#counts, largestStatus, seconds });
  }

  #write(line: object): void {
    this.#stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  }
}

/** A name as `text`, or as `base64` where its bytes are not UTF-8. */
export function nameFacts({ bytes, text }: FileName): object {
  const isText = Buffer.compare(Buffer.from(text), bytes) === 0;
  return isText ? { text } : { base64: Buffer.from(bytes).toString('base64') };
}
