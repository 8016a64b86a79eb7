/** What a server says in scp's own protocol. */
import { lastValueFrom } from 'rxjs';
import type { FileName } from '../file-name.ts';
import { formatScpRecord, SCP_OK, type ScpRecord } from './scp-protocol.ts';
import { statusOf } from '../server/server-answers.ts';
import type { SftpServerChannel } from '../server/sftp-server.ts';

/** Sends records and answers, and remembers whether all went well. */
export class ScpOutput {
  /** Exit status so far. */
  status = 0;
  readonly #channel: SftpServerChannel;

  constructor(channel: SftpServerChannel) {
    this.#channel = channel;
  }

  /** Completes when the channel has taken the bytes. */
  async send(bytes: Uint8Array): Promise<void> {
    await lastValueFrom(this.#channel.stdout.pump(bytes, { end: false }));
  }

  ok(): Promise<void> {
    return this.send(SCP_OK);
  }

  record(record: ScpRecord): Promise<void> {
    return this.send(formatScpRecord(record));
  }

  /** Tells of what could not be done. */
  fail(message: string, isFatal = false): Promise<void> {
    this.status = 1;
    return this.record({ type: isFatal ? 'error' : 'warning', message: `scp: ${message}` });
  }

  /** The same in the words of a status, without a path of the server. */
  failed(path: FileName, thrown: unknown, isFatal = false): Promise<void> {
    const answer = statusOf(thrown);
    const text = answer.type === 'STATUS' ? answer.message : '';
    return this.fail(`${path.text}: ${text}`, isFatal);
  }
}
