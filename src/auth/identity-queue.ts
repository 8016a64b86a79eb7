/** Keys from several sources, one at a time and no key twice; a source is opened when those before it are used up. */
import {
  defer,
  isObservable,
  map,
  Observable,
  type Subscriber,
  type Subscription,
  take,
} from 'rxjs';
import { SshError } from '../errors.ts';
import type { Signer } from '../keys/signer.ts';
import { toHex } from '../wire/bytes.ts';
import type { Identities, IdentitySource } from './client-options.ts';

/** Keys that are taken from all sources together: no server lets a client try more, and an agent may hold thousands. */
const MAX_IDENTITIES = 64;
/** Keys that one source may emit, known ones and all. */
const MAX_EMITTED = 1024;

/** A key, or the error that ended a source. */
export type QueuedIdentity =
  | { readonly type: 'signer'; readonly signer: Signer }
  | { readonly type: 'failure'; readonly error: unknown };

/** Hands out keys. */
export class IdentityQueue {
  readonly #sources: (IdentitySource | Observable<Signer>)[];
  readonly #ready: QueuedIdentity[] = [];
  readonly #seen = new Set<string>();
  #taken = 0;
  readonly #lifetime: Subscription;
  #waiting: Subscriber<QueuedIdentity> | undefined;
  #isOpen = false;

  /** @param lifetime - closes the source that is open when it ends */
  constructor(identities: Identities, lifetime: Subscription) {
    this.#sources = isOne(identities) ? [identities] : [...identities];
    this.#lifetime = lifetime;
  }

  /** Emits the next key, or why a source has failed, and completes; completes at once when no key is left. */
  next(): Observable<QueuedIdentity> {
    return new Observable((subscriber) => {
      this.#waiting = subscriber;
      this.#serve();
      return () => {
        if (this.#waiting === subscriber) this.#waiting = undefined;
      };
    });
  }

  /** The key could not be used as it came: a later source may have it too, an agent the one that a file keeps locked. */
  forget(signer: Signer): void {
    this.#seen.delete(toHex(signer.publicKey.blob));
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const ready = this.#ready.shift();
    if (ready !== undefined) {
      this.#waiting = undefined;
      waiting.next(ready);
      waiting.complete();
    } else if (this.#taken >= MAX_IDENTITIES) {
      // a source may stay open for ever
      waiting.complete();
    } else if (!this.#isOpen) {
      this.#openNext(waiting);
    }
  }

  #openNext(waiting: Subscriber<QueuedIdentity>): void {
    const source = this.#sources.shift();
    if (source === undefined) {
      waiting.complete();
      return;
    }
    this.#isOpen = true;
    const signer$ = typeof source === 'function' ? defer(source) : source;
    // the next source may be open before this line is done: each is the lifetime's own
    this.#lifetime.add(
      signer$.pipe(take(MAX_EMITTED), map(checkedSigner)).subscribe({
        next: (signer) => this.#take(signer),
        error: (error: unknown) => {
          this.#ready.push({ type: 'failure', error });
          this.#closed();
        },
        complete: () => this.#closed(),
      }),
    );
  }

  #take(signer: Signer): void {
    const identity = toHex(signer.publicKey.blob);
    if (this.#taken >= MAX_IDENTITIES || this.#seen.has(identity)) return;
    this.#taken++;
    this.#seen.add(identity);
    this.#ready.push({ type: 'signer', signer });
    this.#serve();
  }

  #closed(): void {
    this.#isOpen = false;
    this.#serve();
  }
}

function isOne(identities: Identities): identities is IdentitySource | Observable<Signer> {
  return typeof identities === 'function' || isObservable(identities);
}

/** A public key, or the text of a file, is easily taken for one: whoever writes without types is told. */
function checkedSigner(emitted: Signer): Signer {
  if (isSigner(emitted)) return emitted;
  const text = 'a source of identities has emitted what is no private key';
  throw new SshError('config', text, { option: 'identities' });
}

function isSigner(value: Partial<Signer> | undefined): boolean {
  const { publicKey, algorithms, sign } = value ?? {};
  const isPublicKey = ArrayBuffer.isView(publicKey?.blob);
  return isPublicKey && Array.isArray(algorithms) && typeof sign === 'function';
}
