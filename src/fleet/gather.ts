/** Equal answers of many hosts, once. */
import type { OperatorFunction, Subscriber } from 'rxjs';
import { defaultProvider } from '#crypto';
import type { Exit, SshError } from '../errors.ts';
import { lift, type Stage } from '../operators/lift.ts';
import { toHex, utf8Bytes, utf8Text } from '../wire/bytes.ts';
import { ByteLimit, GatheredBytes } from '../wire/gathered-bytes.ts';
import { type FleetEvent, taskError } from './fleet-event.ts';

/** What is kept while hosts are gathered. */
export interface GatherOptions {
  /** Most bytes of one host, stdout and stderr together; 1 MiB by default. */
  readonly maxBytes?: number;
}

/** Hosts that gave the same output and ended in the same way. */
export interface FleetGroup {
  /** Their names, in the order in which the hosts were given. */
  readonly hosts: readonly string[];
  /** Output as text; malformed UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** How the command ended; `undefined` when it did not come to that. */
  readonly exit: Exit | undefined;
  /** What went wrong at each of the hosts, all of one kind; empty when nothing did. */
  readonly errors: readonly SshError[];
}

const DEFAULT_MAX_BYTES = 1024 * 1024;

/**
 * Groups hosts that gave the same stdout and the same stderr and ended alike: with the same exit, or with an error of the same
 * kind. Emits the groups at completion (or before an error), the largest first. Hosts that are not done by then are in none.
 *
 * A host with more output than `maxBytes` is in a group of `overflow` errors, without output. Output is acknowledged as it
 * comes; at most `maxBytes` are kept for each host at work and for each group.
 *
 * @example
 * ```ts
 * fanOut(hosts, task).pipe(gather()).subscribe(({ hosts, stdout }) => console.log(hosts.join(), stdout));
 * ```
 */
export function gather({ maxBytes = DEFAULT_MAX_BYTES }: GatherOptions = {}): OperatorFunction<
  FleetEvent,
  FleetGroup
> {
  return lift((out: Subscriber<FleetGroup>) => new Gather(maxBytes, out));
}

/** What one host has said so far. */
interface Answer {
  readonly stdout: GatheredBytes;
  readonly stderr: GatheredBytes;
  exit: Exit | undefined;
  error: SshError | undefined;
}

interface Group {
  readonly members: { readonly index: number; readonly host: string; readonly error?: SshError }[];
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit: Exit | undefined;
}

class Gather implements Stage<FleetEvent> {
  readonly #maxBytes: number;
  readonly #out: Subscriber<FleetGroup>;
  readonly #answers = new Map<number, Answer>();
  readonly #groups = new Map<string, Group>();

  constructor(maxBytes: number, out: Subscriber<FleetGroup>) {
    this.#maxBytes = maxBytes;
    this.#out = out;
  }

  next(fleetEvent: FleetEvent): void {
    const { index, event } = fleetEvent;
    const answer = this.#answers.get(index) ?? newAnswer(this.#maxBytes);
    this.#answers.set(index, answer);
    switch (event.type) {
      case 'stdout':
      case 'stderr':
        this.#keep(answer, event.type, event.data);
        return;
      case 'exit':
        answer.exit = event.exit;
        return;
      case 'error':
        answer.error ??= event.error;
        return;
      case 'done':
        this.#answers.delete(index);
        this.#join(fleetEvent, answer);
        return;
      default:
    }
  }

  error(error: unknown): void {
    this.#emit();
    this.#out.error(error);
  }

  complete(): void {
    this.#emit();
    this.#out.complete();
  }

  #keep(answer: Answer, type: 'stdout' | 'stderr', data: Uint8Array): void {
    try {
      answer[type].add(data);
    } catch (thrown) {
      answer.error ??= taskError(thrown);
      answer.stdout.clear();
      answer.stderr.clear();
    }
  }

  #join({ index, host }: FleetEvent, answer: Answer): void {
    const { exit, error } = answer;
    const output = { stdout: answer.stdout.bytes(), stderr: answer.stderr.bytes() };
    const key = keyOf(answer, output);
    const group = this.#groups.get(key) ?? {
      members: [],
      ...output,
      exit: error === undefined ? exit : undefined,
    };
    this.#groups.set(key, group);
    group.members.push({ index, host, ...(error === undefined ? {} : { error }) });
  }

  #emit(): void {
    const groups = [...this.#groups.values()];
    for (const { members } of groups) members.sort((a, b) => a.index - b.index);
    // a stable order: of groups of one size the one with the first host is first
    groups.sort((a, b) => b.members.length - a.members.length || firstOf(a) - firstOf(b));
    for (const { members, stdout, stderr, exit } of groups) {
      this.#out.next({
        hosts: members.map(({ host }) => host),
        stdout: utf8Text(stdout),
        stderr: utf8Text(stderr),
        stdoutBytes: stdout,
        stderrBytes: stderr,
        exit,
        errors: members.flatMap(({ error }) => (error === undefined ? [] : [error])),
      });
    }
  }
}

function newAnswer(maxBytes: number): Answer {
  const limit = new ByteLimit('gathered output', maxBytes);
  return {
    stdout: new GatheredBytes(limit),
    stderr: new GatheredBytes(limit),
    exit: undefined,
    error: undefined,
  };
}

function firstOf({ members }: Group): number {
  return members[0]?.index ?? 0;
}

/** Of everything that has to be equal; the lengths keep stdout and stderr apart. */
function keyOf(
  { exit, error }: Answer,
  { stdout, stderr }: { readonly stdout: Uint8Array; readonly stderr: Uint8Array },
): string {
  const end = error === undefined ? JSON.stringify(exit ?? null) : error.kind;
  const head = utf8Bytes(`${end} ${String(stdout.length)} `);
  return toHex(defaultProvider.hash('sha256', [head, stdout, stderr]));
}
