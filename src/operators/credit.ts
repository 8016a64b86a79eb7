/**
 * Credit travels with the delivery. A source that owes its sender an acknowledgement emits inside a *delivery*: a scope that
 * lasts as long as the `next` call. Whoever is not done with the value when `next` returns holds the credit and releases it
 * later; when nobody holds it any more, it goes back. docs/back-pressure.md tells what follows from it.
 */

/** One delivery: how many still hold it, and whom to tell when nobody does. */
interface Delivery {
  pending: number;
  readonly acknowledge: () => void;
  readonly isBorrowed: Borrowed;
}

/** For how long bytes are lent: not at all, until `next` returns, or until the credit is back. */
export type Borrowed = boolean | 'until-acknowledged';

/** Gives a held credit back; only the first call counts. */
export type Release = () => void;

/** The scope lives under a global symbol, so that two installed copies of the package share it. */
const SCOPE_KEY = Symbol.for('rxssh.delivery');

interface Scope {
  current: Delivery | undefined;
}

const scope = sharedScope();

const nothingHeld: Release = () => undefined;

/**
 * Emits a value whose credit returns when everyone whom it reached is done with it: at the end of `next`, unless an operator
 * or a consumer has called {@link holdCredit} meanwhile. Deliveries nest.
 *
 * @param subscriber - receives the value
 * @param acknowledge - called exactly once, inside or outside of other deliveries: it may count and queue, not emit
 * @param isBorrowed - the value is bytes that are the source's again when `next` returns, or with `'until-acknowledged'` when the
 *   credit is back: who keeps them for longer has to copy them
 */
export function deliver<T>(
  subscriber: { next(value: T): void },
  value: T,
  acknowledge: () => void,
  isBorrowed: Borrowed = false,
): void {
  const delivery: Delivery = { pending: 1, acknowledge, isBorrowed };
  const outer = scope.current;
  scope.current = delivery;
  try {
    subscriber.next(value);
  } finally {
    scope.current = outer;
    settle(delivery);
  }
}

/**
 * Keeps the credit of the value that is being delivered until the returned function is called: for whoever is not done
 * with a value when `next` returns. Outside a delivery it does nothing.
 *
 * @example
 * ```ts
 * bytes$.subscribe((chunk) => {
 *   const release = holdCredit();
 *   file.write(chunk, release);
 * });
 * ```
 */
export function holdCredit(): Release {
  const delivery = scope.current;
  if (delivery === undefined) return nothingHeld;
  delivery.pending++;
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    settle(delivery);
  };
}

/**
 * The value as it may be kept past `next`: bytes are copied when they are borrowed (a socket reads into the same buffer
 * again), anything else is returned as it is. For whoever puts values aside; call it where {@link holdCredit} is called.
 */
export function keep<T>(value: T): T {
  if (isOwned() || !(value instanceof Uint8Array)) return value;
  return new Uint8Array(value) as T & Uint8Array;
}

/** The same for whoever looks at the value no more when the credit is released. */
export function keepWhileHeld<T>(value: T): T {
  return scope.current?.isBorrowed === 'until-acknowledged' ? value : keep(value);
}

function isOwned(): boolean {
  return (scope.current?.isBorrowed ?? false) === false;
}

/** Has somebody held the credit of the value that is being delivered? */
export function isHeld(): boolean {
  return (scope.current?.pending ?? 0) > 1;
}

/** Is a value with credit being delivered right now? */
export function isDelivering(): boolean {
  return scope.current !== undefined;
}

/** Runs `emit` outside of the present delivery, so that what it emits cannot take a credit that is not its own. */
export function outsideDelivery<T>(emit: () => T): T {
  const outer = scope.current;
  if (outer === undefined) return emit();
  scope.current = undefined;
  try {
    return emit();
  } finally {
    scope.current = outer;
  }
}

function settle(delivery: Delivery): void {
  delivery.pending--;
  if (delivery.pending === 0) delivery.acknowledge();
}

function sharedScope(): Scope {
  const globals = globalThis as { [SCOPE_KEY]?: Scope };
  const known = globals[SCOPE_KEY];
  if (known !== undefined) return known;
  const created: Scope = { current: undefined };
  globals[SCOPE_KEY] = created;
  return created;
}
