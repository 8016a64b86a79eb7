/** What a fan-out tells: everything that happens at each host, each event with the host that it belongs to. */
import type { ExecEvent } from '../client/exec.ts';
import { isSshError, SshError, toError } from '../errors.ts';

/** Something that happened at one host. In order: `started`, output, `exit` or `error`, and `done` last. */
export type HostEvent =
  /** The task begins, or begins anew: `attempt` counts from 1, and `after` is what ended the attempt before. */
  | { readonly type: 'started'; readonly attempt: number; readonly after?: SshError }
  /** Output of the command, with its credit; and its exit, whatever it is. */
  | ExecEvent
  /** The task has failed for good; the output before it is what there was. */
  | { readonly type: 'error'; readonly error: SshError }
  /** Nothing more comes from this host. */
  | { readonly type: 'done'; readonly attempts: number; readonly milliseconds: number };

/** An event of a fan-out. */
export interface FleetEvent<H = unknown> {
  /** The host's name: what to show. */
  readonly host: string;
  /** The host as it was given. */
  readonly target: H;
  /** Its place among the hosts, from 0: two hosts may have the same name. */
  readonly index: number;
  readonly event: HostEvent;
}

/** What a task has thrown or errored with; what is no error of rxssh is the task's own fault. */
export function taskError(thrown: unknown): SshError {
  if (isSshError(thrown)) return thrown;
  const { message } = toError(thrown);
  const detail = { option: 'task' };
  return new SshError('config', `the task has failed: ${message}`, detail, { cause: thrown });
}
