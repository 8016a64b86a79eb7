/** A queue that stays fast when it is long: taking from the front of an array would move all that stand behind. */

/** When this many places at the front are empty, and half of all, the rest is moved up. */
const COMPACT_FROM = 1024;

/** First in, first out. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts an item in front of all others. */
  unshift(item: T): void {
    if (this.#first === 0) this.#items.unshift(item);
    else this.#items[--this.#first] = item;
  }

  /** Takes the one that has waited longest. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (this.length === 0) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.length === 0) this.#reset([]);
    else if (this.#first >= COMPACT_FROM && this.#first * 2 >= this.#items.length)
      this.#reset(this.#items.slice(this.#first));
    return item;
  }

  /** Takes all of them. */
  takeAll(): T[] {
    const all = this.#items.slice(this.#first) as T[];
    this.#reset([]);
    return all;
  }

  #reset(items: (T | undefined)[]): void {
    this.#items = items;
    this.#first = 0;
  }
}
