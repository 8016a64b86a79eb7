/** Values from whatever gives them on request: the request for the next one is the credit of the one before. */
import { Observable, type ReadableStreamLike } from 'rxjs';
import { deliver, outsideDelivery } from './credit.ts';

/** What can be asked for one value at a time: iterables, async iterables (Node's readable streams among them), web streams. */
export type Pullable<T> = Iterable<T> | AsyncIterable<T> | ReadableStreamLike<T>;

/** The one shape behind them: `next` asks, `stop` says that nobody will ask again. */
interface Puller<T> {
  next(): IteratorResult<T> | PromiseLike<IteratorResult<T>>;
  stop(): void;
}

/**
 * Emits the values of a pullable source, one at a time.
 *
 * 1. The next value is asked for when the credit of the one before has returned: at once for a consumer that is done when
 *    `next` returns, later for one that holds it (`drain`, `sink.pump`, `toAsyncIterable`).
 * 2. Each subscription asks for an iterator (a reader) of its own. What can be read only once errors the second time as it likes.
 * 3. Completes when the source is done; what the source throws or rejects with is the error.
 * 4. Unsubscribing early calls the iterator's `return()`, cancels a web stream and destroys a Node stream.
 * 5. A Node stream that breaks before anybody subscribes is told to whoever does, and not to Node, which would end the process.
 *
 * @example
 * ```ts
 * fromPull(createReadStream('rows.csv')).pipe(splitLines(), drain((row) => insert(row)));
 * ```
 */
export function fromPull<T>(input: Pullable<T>): Observable<T> {
  if (typeof input === 'object' && isNodeStream(input)) input.on('error', nothing);
  return new Observable((out) => {
    const puller = pullerOf(input);
    let isCreditBack = true;
    let isRunning = false;
    let isDone = false;

    // a loop, not a recursion: a source that answers at once to a consumer that is done at once must not grow the stack
    const run = (): void => {
      if (isRunning) return;
      isRunning = true;
      while (isCreditBack && !out.closed) {
        isCreditBack = false;
        pull();
      }
      isRunning = false;
    };
    const acknowledge = (): void => {
      isCreditBack = true;
      // the credit may return inside of somebody else's delivery
      outsideDelivery(run);
    };
    const pull = (): void => {
      try {
        const asked = puller.next();
        if (isPromiseLike(asked)) asked.then(arrive, fail);
        else arrive(asked);
      } catch (thrown) {
        fail(thrown);
      }
    };
    const arrive = (result: IteratorResult<T>): void => {
      if (out.closed) return;
      if (result.done === true) {
        isDone = true;
        out.complete();
        return;
      }
      deliver(out, result.value, acknowledge);
    };
    const fail = (thrown: unknown): void => {
      if (out.closed) return;
      isDone = true;
      out.error(thrown);
    };

    out.add(() => {
      if (!isDone) puller.stop();
    });
    outsideDelivery(run);
  });
}

function pullerOf<T>(input: Pullable<T>): Puller<T> {
  // a string is an iterable too, and `in` does not take one
  if (typeof input === 'object' && 'getReader' in input) return webPuller(input);
  if (typeof input === 'object' && Symbol.asyncIterator in input) return asyncPuller(input);
  const iterator = input[Symbol.iterator]();
  return { next: () => iterator.next(), stop: () => quietly(() => iterator.return?.()) };
}

function webPuller<T>(stream: ReadableStreamLike<T>): Puller<T> {
  const reader = stream.getReader() as ReturnType<typeof stream.getReader> & {
    cancel?(): Promise<void>;
  };
  return {
    next: async () => {
      const result = await reader.read();
      if (!result.done) return { done: false, value: result.value };
      reader.releaseLock();
      return { done: true, value: undefined };
    },
    stop: () => quietly(() => reader.cancel?.().finally(() => reader.releaseLock())),
  };
}

function asyncPuller<T>(input: AsyncIterable<T>): Puller<T> {
  const iterator = input[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    stop: () => {
      // the iterator of a Node stream would wait for the next chunk before it lets the stream go
      if (isNodeStream(input)) input.destroy();
      quietly(() => iterator.return?.());
    },
  };
}

interface NodeStream {
  destroy(): void;
  on(event: 'error', listener: () => void): unknown;
}

function isNodeStream(input: object): input is NodeStream {
  const methods: Partial<Record<'pipe' | 'destroy' | 'on', unknown>> = input;
  return [methods.pipe, methods.destroy, methods.on].every((each) => typeof each === 'function');
}

function isPromiseLike<T>(value: object): value is PromiseLike<T> {
  return 'then' in value && typeof value.then === 'function';
}

/** Nobody listens any more: what the source says to being let go has no place to go to. */
function quietly(action: () => unknown): void {
  try {
    void Promise.resolve(action()).catch(nothing);
  } catch {
    nothing();
  }
}

function nothing(): void {
  // not heard on purpose
}
