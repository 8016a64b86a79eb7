/** Requests that wait for their answers, by their ids. Pure: who waits is the caller's business. */

const MAX_ID = 0xffff_ffff;

/** Pending requests of one SFTP session. */
export class RequestTable<T> {
  readonly #pending = new Map<number, T>();
  #nextId: number;

  /** @param firstId - the id of the first request */
  constructor(firstId = 0) {
    this.#nextId = firstId;
  }

  /** Requests that wait for an answer. */
  get size(): number {
    return this.#pending.size;
  }

  /** The request that waits longest, and its id. */
  get oldest(): readonly [id: number, pending: T] | undefined {
    for (const entry of this.#pending) return entry;
    return undefined;
  }

  /** Enters a request; gives the id that it shall have. */
  add(pending: T): number {
    // round the corner, some may still be in use
    while (this.#pending.has(this.#nextId)) this.#nextId = following(this.#nextId);
    const id = this.#nextId;
    this.#nextId = following(id);
    this.#pending.set(id, pending);
    return id;
  }

  /** Takes out the request that an answer is for; `undefined` when nobody has asked. */
  take(id: number): T | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Takes out all, the oldest first. */
  takeAll(): T[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    return all;
  }
}

function following(id: number): number {
  return id === MAX_ID ? 0 : id + 1;
}
