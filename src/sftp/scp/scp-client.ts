/** scp's own protocol for a client: what `get` and `put` speak with a server that has no SFTP. */
import { lastValueFrom, type Observable } from 'rxjs';
import { isSshError, protocolError, type SshError } from '../../errors.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { ByteSink } from '../../streams/byte-sink.ts';
import type { FileName } from '../file-name.ts';
import { ScpInput } from './scp-input.ts';
import { formatScpRecord, parseScpRecord, SCP_OK, type ScpRecord } from './scp-protocol.ts';
import { statusError, StatusCode } from '../status.ts';
import type { TransferOptions } from '../transfer/transfer-options.ts';

/** A running `scp` of the server. */
export interface ScpChannel {
  readonly stdout$: ByteStream;
  readonly stdin: ByteSink;
}

/** Starts a command of these words. Emits its channel, and stays open; unsubscribing ends it. */
export type RunScp = (words: readonly string[]) => Observable<ScpChannel>;

/** A record that is no complaint. */
export type ScpEntry = Exclude<ScpRecord, { readonly type: 'warning' | 'error' }>;

/** The words that start the other side. Behind `--`, a path that looks like an option is none. */
export function scpWords(
  role: '-f' | '-t',
  { recursive, preserve }: TransferOptions,
  path: string,
): readonly string[] {
  const flags = [...(recursive === true ? ['-r'] : []), ...(preserve === true ? ['-p'] : [])];
  return ['scp', role, ...flags, '--', path];
}

/** The conversation with the other side: one record, one answer. */
export class ScpDialogue {
  readonly input: ScpInput;
  readonly #stdin: ByteSink;
  readonly #path: FileName;

  constructor(channel: ScpChannel, path: FileName) {
    this.input = new ScpInput(channel.stdout$);
    this.#stdin = channel.stdin;
    this.#path = path;
  }

  /** The next record; `undefined` when the other side is done. Throws what it complains of. */
  async record(): Promise<ScpEntry | undefined> {
    const line = await this.input.line();
    if (line === undefined) return undefined;
    const record = parseScpRecord(line);
    if ('message' in record) throw this.complaint(record.message);
    return record;
  }

  /** Sends a record, and waits until the other side has taken it. */
  async tell(record: ScpRecord): Promise<void> {
    await this.send(formatScpRecord(record));
    await this.taken();
  }

  /** Waits for "taken". Throws what the other side says instead. */
  async taken(): Promise<void> {
    const refused = await this.input.answer();
    if (refused !== undefined) throw this.complaint(refused.message);
  }

  /** Waits until the other side is there. */
  async begun(): Promise<void> {
    try {
      await this.taken();
    } catch (thrown) {
      throw isSshError(thrown, 'protocol') ? this.endedEarly() : thrown;
    }
  }

  endedEarly(): SshError<'sftp'> {
    return this.complaint('scp has ended early, or there is none');
  }

  async ok(): Promise<void> {
    await this.send(SCP_OK);
  }

  async send(bytes: Uint8Array): Promise<void> {
    await lastValueFrom(this.#stdin.pump(bytes, { end: false }));
  }

  /** Sends a stream; emits how many bytes of it went. */
  pump(bytes$: ByteStream): Observable<number> {
    return this.#stdin.pump(bytes$, { end: false });
  }

  /** The bytes of the file whose record has come, asked for at the reader's pace. */
  async *file(size: number): AsyncIterable<Uint8Array> {
    for (let left = size; left > 0;) {
      const bytes = await this.input.bytes(left);
      left -= bytes.length;
      yield bytes;
    }
    await this.taken();
  }

  complaint(message: string): SshError<'sftp'> {
    return statusError(StatusCode.FAILURE, 'scp', { path: this.#path, message });
  }

  unexpected({ type }: ScpEntry): SshError<'protocol'> {
    return protocolError(`scp: a ${type} that was not asked for`);
  }
}
