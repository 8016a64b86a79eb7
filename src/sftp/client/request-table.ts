/** Requests that wait for their answers, by their ids. Pure: who waits is the caller's business. */

const MAX_ID = 0xffff_ffff;

/** Requests of one SFTP session that have no answer yet. */
export class RequestTable<T> {
  readonly #pending = new Map<number, T>();
  readonly #overdue = new Map<number, T>();
  #nextId: number;

  /** @param firstId - the id of the first request */
  constructor(firstId = 0) {
    this.#nextId = firstId;
  }

  /** Requests whose answer is waited for. */
  get size(): number {
    return this.#pending.size;
  }

  /** The id of the request that waits longest. */
  get oldest(): number | undefined {
    for (const id of this.#pending.keys()) return id;
    return undefined;
  }

  /** Enters a request; gives the id that it shall have. */
  add(request: T): number {
    // round the corner, some may still be in use
    while (this.#has(this.#nextId)) this.#nextId = following(this.#nextId);
    const id = this.#nextId;
    this.#nextId = following(id);
    this.#pending.set(id, request);
    return id;
  }

  /** The request that an answer is for, overdue or not. */
  get(id: number): T | undefined {
    return this.#pending.get(id) ?? this.#overdue.get(id);
  }

  /** Takes out the request that an answer is for, overdue or not; `undefined` when nobody has asked. */
  take(id: number): T | undefined {
    const request = this.get(id);
    if (!this.#pending.delete(id)) this.#overdue.delete(id);
    return request;
  }

  /** Nobody waits for the oldest request any more, but its answer may still come, and its id is not free before. */
  giveUpOldest(): T | undefined {
    for (const [id, request] of this.#pending) {
      this.#pending.delete(id);
      this.#overdue.set(id, request);
      return request;
    }
    return undefined;
  }

  /** Takes out everything; gives those that were waited for, the oldest first. */
  takeAll(): T[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    this.#overdue.clear();
    return all;
  }

  #has(id: number): boolean {
    return this.#pending.has(id) || this.#overdue.has(id);
  }
}

function following(id: number): number {
  return id === MAX_ID ? 0 : id + 1;
}
