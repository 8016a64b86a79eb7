/** A directory that a client has open: the entries of a file system, in portions, at the client's pace. */
import { Observable, type Subscription } from 'rxjs';
import { batch } from '../../operators/batch.ts';
import { holdCredit, outsideDelivery, type Release } from '../../operators/credit.ts';
import { utf8Bytes } from '../../wire/bytes.ts';
import { Fifo } from '../../wire/fifo.ts';
import { fileName, pathBytes } from '../file-name.ts';
import type { DirectoryEntry } from './file-system.ts';
import { listingLine } from '../file-type.ts';
import type { NameItem } from '../packets.ts';

/** Names in one answer, as with OpenSSH's server. */
const PORTION = 100;
/** Bytes of one answer: room for a hundred names as long as Linux has them, and far from the largest packet. */
const PORTION_BYTES = 128 * 1024;
/** Milliseconds that a portion of a slow directory waits for more. */
const PATIENCE = 20;
/** Two lengths and all attributes. */
const MOST_AROUND_NAMES = 8 + 32;

/** Entries that have come and were not asked for yet. */
interface Portion {
  readonly items: readonly NameItem[];
  readonly release: Release;
}

/** An open directory. Keeps two portions at the most, whatever the directory has. */
export class ServerDirectory {
  readonly #portions = new Fifo<Portion>();
  readonly #subscription: Subscription;
  #end: { readonly error?: unknown } | undefined;
  #awaiting: (() => void) | undefined;

  /** @param entries - subscribed to at once */
  constructor(entries: Observable<DirectoryEntry>) {
    this.#subscription = entries.pipe(batch(PORTION, { maxWait: PATIENCE })).subscribe({
      next: (batched) => {
        this.#portions.push({ items: batched.map(nameItem), release: holdCredit() });
        this.#wake();
      },
      error: (error: unknown) => this.#finish({ error }),
      complete: () => this.#finish({}),
    });
  }

  /** Completes when there is a first entry, or the end; errors when there is nothing but an error. */
  opened(): Observable<never> {
    return this.#whenReady((subscriber) => {
      if (this.#portions.length === 0 && this.#end !== undefined && 'error' in this.#end)
        subscriber.error(this.#end.error);
      else subscriber.complete();
    });
  }

  /** The next portion, with something in it; nothing but completion at the end. Ask for one at a time. */
  next(): Observable<readonly NameItem[]> {
    return this.#whenReady((subscriber) => {
      const items = this.#take();
      if (items !== undefined) subscriber.next(items);
      else if (this.#end !== undefined && 'error' in this.#end) subscriber.error(this.#end.error);
      subscriber.complete();
    });
  }

  /** Lets the directory go. */
  close(): void {
    this.#subscription.unsubscribe();
    for (const { release } of this.#portions.takeAll()) release();
  }

  #whenReady<T>(answer: (subscriber: Answered<T>) => void): Observable<T> {
    return new Observable((subscriber) => {
      const settle = (): void => answer(subscriber);
      if (this.#portions.length > 0 || this.#end !== undefined) settle();
      else this.#awaiting = settle;
      return () => {
        // the answer may have led to the next question already
        if (this.#awaiting === settle) this.#awaiting = undefined;
      };
    });
  }

  /** As much of the oldest portion as fits into an answer. */
  #take(): readonly NameItem[] | undefined {
    const portion = this.#portions.shift();
    if (portion === undefined) return undefined;
    const { items, release } = portion;
    const count = countWithin(items, PORTION_BYTES);
    if (count < items.length) this.#portions.unshift({ items: items.slice(count), release });
    else release();
    return items.slice(0, count);
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  #wake(): void {
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    // what is answered takes nothing of the credit of the entries
    if (awaiting !== undefined) outsideDelivery(awaiting);
  }
}

interface Answered<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

function nameItem({ name, attributes, longname }: DirectoryEntry): NameItem {
  const filename = pathBytes(name);
  // further attributes have no bounds, and nobody reads them in a listing
  const { extended: _, ...shown } = attributes;
  const line = longname ?? listingLine(fileName(filename).text, shown);
  return { filename, longname: utf8Bytes(line), attributes: shown };
}

/** How many of the items are at most that many bytes; one at the least. */
function countWithin(items: readonly NameItem[], bytes: number): number {
  let left = bytes;
  const tooMany = items.findIndex(({ filename, longname }) => {
    left -= filename.length + longname.length + MOST_AROUND_NAMES;
    return left < 0;
  });
  return tooMany < 0 ? items.length : Math.max(1, tooMany);
}
