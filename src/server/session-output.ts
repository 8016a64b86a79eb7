/**
 * What a session sends: pumps of stdout and stderr that are counted, so that the exit can wait behind them, and one EOF for
 * both.
 */
import {
  catchError,
  EMPTY,
  Observable,
  ReplaySubject,
  type SchedulerLike,
  Subscription,
  tap,
} from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import { SshError } from '../errors.ts';
import { type ByteInput, toByteStream } from '../operators/to-byte-stream.ts';
import type { ByteSink, PumpOptions } from '../streams/byte-sink.ts';
import { after } from '../streams/deadline.ts';

/** A pump at work. */
interface Pumping {
  /** Bytes that its source has given. */
  given: number;
  /** Bytes that the channel has accepted. */
  accepted: number;
}

/** The output of one session. */
export class SessionOutput {
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly #channel: Channel;
  readonly #scheduler: SchedulerLike;
  readonly #grace: number;
  readonly #pumps = new Set<Pumping>();
  readonly #stopped = new ReplaySubject<void>(1);
  #isEnding = false;
  #lastActivity = 0;
  #done: (() => void) | undefined;
  #silence = Subscription.EMPTY;

  /** @param grace - milliseconds of silence after which pumps are not waited for any more; 0: they are, however long */
  constructor(channel: Channel, scheduler: SchedulerLike, grace: number) {
    this.#channel = channel;
    this.#scheduler = scheduler;
    this.#grace = grace;
    this.stdout = {
      pump: (source, options) => this.#pump(channel.stdin, source, options, this.#stopped),
    };
    this.stderr = { pump: (source, options) => this.#pump(channel.stderr, source, options, EMPTY) };
  }

  /** Says EOF behind what the pumps at work send. */
  end(): void {
    this.#isEnding = true;
    if (this.#pumps.size === 0) this.#channel.end();
  }

  /** The client reads no more stdout: pumps of it error. */
  stop(): void {
    this.#stopped.next();
  }

  /** Calls back once when all pumps have ended, or have nothing to send and have been silent for long enough. */
  whenDone(done: () => void): void {
    this.#done = done;
    this.#lastActivity = this.#scheduler.now();
    this.#settle();
  }

  /** Nobody waits for anything any more. */
  close(): void {
    this.#done = undefined;
    this.#silence.unsubscribe();
  }

  #pump(
    sink: ByteSink,
    source: ByteInput,
    options: PumpOptions | undefined,
    stopped$: Observable<void>,
  ): Observable<number> {
    const source$ = toByteStream(source);
    return new Observable((subscriber) => {
      if (this.#isEnding) subscriber.error(released('the output was ended'));
      subscriber.add(
        stopped$.subscribe(() => subscriber.error(released('the client reads no more output'))),
      );
      if (subscriber.closed) return;
      const pumping: Pumping = { given: 0, accepted: 0 };
      this.#pumps.add(pumping);
      subscriber.add(() => {
        this.#pumps.delete(pumping);
        this.#settle();
      });
      let broken: { readonly error: unknown } | undefined;
      const bytes$ = source$.pipe(
        tap((chunk) => {
          pumping.given += chunk.length;
          this.#active();
        }),
        // the channel would be closed by it, and the handler could not tell the client how it has ended
        catchError((error: unknown) => {
          broken = { error };
          return EMPTY;
        }),
      );
      subscriber.add(
        sink.pump(bytes$, { ...options, end: false }).subscribe({
          next: (accepted) => {
            pumping.accepted = accepted;
            this.#active();
            subscriber.next(accepted);
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            if (broken === undefined) subscriber.complete();
            else subscriber.error(broken.error);
          },
        }),
      );
    });
  }

  #active(): void {
    if (this.#done !== undefined) this.#lastActivity = this.#scheduler.now();
  }

  #settle(): void {
    if (this.#pumps.size === 0) {
      if (this.#isEnding) this.#channel.end();
      this.#finish();
    } else if (this.#done !== undefined && this.#silence.closed) {
      this.#watch(this.#grace);
    }
  }

  #watch(milliseconds: number): void {
    this.#silence = after(
      milliseconds,
      () => {
        const silent = this.#scheduler.now() - this.#lastActivity;
        // while the client does not take what there is, it is not the source that is silent
        if (this.#isClientSlow()) this.#watch(this.#grace);
        else if (silent < this.#grace) this.#watch(this.#grace - silent);
        else this.#finish();
      },
      this.#scheduler,
    );
  }

  #isClientSlow(): boolean {
    return [...this.#pumps].some(({ given, accepted }) => given > accepted);
  }

  #finish(): void {
    const done = this.#done;
    this.close();
    done?.();
  }
}

function released(why: string): SshError<'released'> {
  return new SshError('released', why, { what: 'session output' });
}
