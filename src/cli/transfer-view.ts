/** What `get` and `put` show: bars on a terminal and else nothing but what went wrong, or events as JSON. */
import type { TransferProgress } from '../node.ts';
import type { Messages } from './io.ts';
import type { ProgressBars } from './progress-bars.ts';
import { shownFailure, shownName } from './sftp-connection.ts';
import type { JsonReport } from './transfer-json.ts';

/** Shows what happens on a host. */
export interface TransferView {
  started(host: string): void;
  show(host: string, progress: TransferProgress): void;
  /** The connection is no more, or never was. */
  error(host: string, thrown: unknown): void;
  done(host: string): void;
  end(status: number): void;
}

const REASONS: Readonly<Record<NonNullable<TransferProgress['reason']>, string>> = {
  name: 'a name that cannot be one here',
  symlink: 'a symbolic link',
  type: 'neither a file nor a folder',
  same: 'the same already',
};

/** Bars, where there are any, and messages. */
export function textView(messages: Messages, bars: ProgressBars | undefined): TransferView {
  return {
    started: () => undefined,
    show(_, progress): void {
      bars?.show(progress);
      tell(progress, messages);
    },
    error(host, thrown): void {
      bars?.end();
      messages.error(`${shownName(host)}: ${shownFailure(thrown)}`);
    },
    done: () => bars?.end(),
    end: () => undefined,
  };
}

/** What became of a file, where it did not become what was asked for. */
export function tell({ state, file, reason, error }: TransferProgress, messages: Messages): void {
  if (state === 'failed' && error !== undefined) messages.error(shownFailure(error));
  if (state !== 'skipped' || reason === undefined) return;
  const text = `${shownName(file)}: passed over: ${REASONS[reason]}`;
  if (reason === 'same') messages.verbose(1, text);
  else messages.notice(text);
}

/** Events as lines. */
export function jsonView(report: JsonReport): TransferView {
  return {
    started: (host) => report.event(host, 'started'),
    show(host, { error, source, target, ...progress }): void {
      const facts = { ...progress, source: source.text, target: target.text };
      if (progress.state === 'done') report.count(progress.bytes);
      if (error === undefined) report.event(host, 'progress', facts);
      else report.error(host, error, facts);
    },
    error: (host, thrown) => report.error(host, thrown),
    done: (host) => report.event(host, 'done'),
    end: (status) => report.summary(status),
  };
}
