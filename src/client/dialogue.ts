/** Waiting for what a program says, and answering it: for programs that talk to people. */
import { concat, ignoreElements, Observable, of, type SchedulerLike, switchMap } from 'rxjs';
import { SshError } from '../errors.ts';
import { holdCredit, outsideDelivery, type Release } from '../operators/credit.ts';
import type { ByteInput } from '../operators/to-byte-stream.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import type { SessionChannel } from './session.ts';

/** How long, and in how much, something is waited for. */
export interface WaitOptions {
  /** Milliseconds; 30 000 by default, 0 is no limit. */
  readonly timeout?: number;
  /** Characters that may come before it; 65 536 by default. */
  readonly maxLength?: number;
  /** Where time comes from; rxjs's `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
}

/** What was waited for. */
export interface Found {
  /** What came before it, since the last one was found. */
  readonly before: string;
  /** The text that has matched, and the groups of a regular expression. */
  readonly match: readonly string[];
}

const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_MAX_LENGTH = 65_536;

/** Who waits at the moment. */
interface Waiting {
  readonly look: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * A dialogue with what runs on a session: it reads stdout and stderr, in the order of arrival, so nobody else may.
 *
 * 1. What follows a text that was found is there for the next wait: nothing is lost between two.
 * 2. While nobody waits, nothing is read on, and the server stops when the window is full.
 * 3. One wait at a time: put them one behind the other with `concat`.
 * 4. Text is UTF-8, whose characters may be cut anywhere; malformed ones become U+FFFD.
 *
 * @example
 * ```ts
 * db1$.pipe(
 *   session((opened) => {
 *     const dialogue = new Dialogue(opened);
 *     return concat(
 *       opened.requestPty(),
 *       opened.exec('sudo -k -p "password: " id -u'),
 *       dialogue.answer('password: ', 'secret\n'),
 *       dialogue.waitFor(/^(\d+)\r?$/m),
 *     );
 *   }),
 * );
 * ```
 */
export class Dialogue {
  readonly #session: Pick<SessionChannel, 'output$' | 'stdin'>;
  /** A character of the one may be cut where the other says something. */
  readonly #decoders = {
    stdout: new TextDecoder('utf-8', { ignoreBOM: true }),
    stderr: new TextDecoder('utf-8', { ignoreBOM: true }),
  };
  #isReading = false;
  #text = '';
  #ending: { readonly error: unknown } | undefined;
  #waiting: Waiting | undefined;
  readonly #unread: Release[] = [];

  constructor(session: Pick<SessionChannel, 'output$' | 'stdin'>) {
    this.#session = session;
  }

  /**
   * Waits until a text comes. Cold: emits once, and completes. Errors with `timeout`, `overflow` when more than `maxLength`
   * characters have come without it, `released` when the output ends without it, `config` for a second wait at a time, or what
   * ended the connection. After `timeout` the text is still there, for another wait.
   *
   * @param pattern - a string that is contained, or a regular expression, which is tried on all that has come: one that ends
   *   in `.*` or `+` finds what has come so far, not all there will be
   */
  waitFor(pattern: string | RegExp, options: WaitOptions = {}): Observable<Found> {
    const { timeout = DEFAULT_TIMEOUT, maxLength = DEFAULT_MAX_LENGTH, scheduler } = options;
    const search = searchFor(pattern);
    return new Observable((out) => {
      if (this.#waiting !== undefined) {
        out.error(new SshError('config', 'one wait at a time: somebody waits already', {}));
        return;
      }
      const fail = (error: unknown): void => out.error(error);
      const look = (): void => {
        const found = search(this.#text);
        if (found !== undefined) {
          const { index, match } = found;
          const before = this.#text.slice(0, index);
          this.#text = this.#text.slice(index + (match[0] ?? '').length);
          this.#waiting = undefined;
          outsideDelivery(() => out.next({ before, match }));
          out.complete();
        } else if (this.#text.length > maxLength) fail(overflow(maxLength));
        else if (this.#ending !== undefined) fail(this.#ending.error);
      };
      const waiting = { look, fail };
      this.#waiting = waiting;
      out.add(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
      out.add(after(timeout, () => fail(timeoutError('waiting for a text', timeout)), scheduler));
      look();
      if (!out.closed) this.#readOn();
    });
  }

  /** Waits for a text, and answers it: `reply` is sent when the text has come. Emits and errors like {@link waitFor}. */
  answer(pattern: string | RegExp, reply: ByteInput, options: WaitOptions = {}): Observable<Found> {
    return this.waitFor(pattern, options).pipe(
      switchMap((found) =>
        concat(this.#session.stdin.pump(reply, { end: false }).pipe(ignoreElements()), of(found)),
      ),
    );
  }

  #readOn(): void {
    for (const release of this.#unread.splice(0)) release();
    if (this.#isReading) return;
    this.#isReading = true;
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the session, whoever waits
    this.#session.output$.subscribe({
      next: ({ type, data }) => {
        this.#text += this.#decoders[type].decode(data, { stream: true });
        this.#waiting?.look();
        if (this.#waiting === undefined) this.#unread.push(holdCredit());
      },
      error: (error: unknown) => this.#end(error),
      complete: () => this.#end(ended()),
    });
  }

  #end(error: unknown): void {
    this.#ending = { error };
    this.#waiting?.look();
  }
}

/** Where a pattern is in a text. */
function searchFor(
  pattern: string | RegExp,
): (text: string) => { readonly index: number; readonly match: readonly string[] } | undefined {
  if (typeof pattern === 'string') {
    return (text) => {
      const index = text.indexOf(pattern);
      return index < 0 ? undefined : { index, match: [pattern] };
    };
  }
  // those with a memory of their own would begin where the last search has ended
  const expression = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''));
  return (text) => {
    const found = expression.exec(text);
    return found === null ? undefined : { index: found.index, match: [...found] };
  };
}

function overflow(limit: number): SshError<'overflow'> {
  const message = `more than ${String(limit)} characters without what is waited for`;
  return new SshError('overflow', message, { what: 'characters of a dialogue', limit });
}

function ended(): SshError<'released'> {
  return new SshError('released', 'the output ended without what is waited for', {
    what: 'output',
  });
}
