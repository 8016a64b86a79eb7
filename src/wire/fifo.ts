/** First in, first out, without the cost of `Array.shift` on a long array. */

/** How many empty places are kept before the array is cut. */
const MOST_EMPTY = 1024;

/** A queue. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts an item in front of the oldest. */
  unshift(item: T): void {
    if (this.#head === 0) this.#items.unshift(item);
    else this.#items[--this.#head] = item;
  }

  /** The oldest item, which stays; `undefined` when there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** The newest item, which stays. */
  last(): T | undefined {
    return this.#items.at(-1);
  }

  /** Takes the oldest item out. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    // an empty place keeps nothing alive: a thousand chunks would be a lot
    this.#items[this.#head++] = undefined;
    if (this.length === 0) this.clear();
    else if (this.#head > MOST_EMPTY && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes everything out. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.clear();
    return items;
  }

  clear(): void {
    if (this.#items.length === 0) return;
    this.#items = [];
    this.#head = 0;
  }
}
