/** The end of a server in good order: nobody new, and time for what runs. */
import { Subject, type Observable } from 'rxjs';
import type { ServerConnection, ServerEvent } from '../server/index.ts';

/** Knows which connections are at work, and lets those go that are not once it drains. */
export class Drain {
  readonly #sessions = new Map<ServerConnection, number>();
  readonly #begun = new Subject<void>();
  #hasBegun = false;

  /** Emits when it begins, for `listen`. */
  get begun$(): Observable<void> {
    return this.#begun;
  }

  see(event: ServerEvent): void {
    switch (event.type) {
      case 'connection':
        this.#sessions.set(event.connection, 0);
        return;
      case 'session':
        this.#count(event.connection, 1);
        return;
      case 'session-closed':
        this.#count(event.connection, -1);
        return;
      case 'closed':
        this.#sessions.delete(event.connection);
        return;
      default:
    }
  }

  begin(): void {
    this.#hasBegun = true;
    this.#begun.next();
    this.#begun.complete();
    for (const connection of [...this.#sessions.keys()]) this.#letGo(connection);
  }

  #count(connection: ServerConnection, change: number): void {
    this.#sessions.set(connection, (this.#sessions.get(connection) ?? 0) + change);
    if (this.#hasBegun) this.#letGo(connection);
  }

  #letGo(connection: ServerConnection): void {
    if (this.#sessions.get(connection) === 0) connection.disconnect('the server is going down');
  }
}
