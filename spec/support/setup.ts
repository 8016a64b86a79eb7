/**
 * Runs before every spec file. rxjs reports two kinds of mistake on a timer, where no test would see them: an error that
 * nobody handles, and a value or an error sent after the end. Here each fails the test in which it happened.
 * A completion after the end is let through: rxjs itself sends one in `of(1).pipe(take(1))`.
 */
import { afterEach, beforeEach } from '@jest/globals';
import { config } from 'rxjs';

// Taken at load, so that a spec with fake timers does not stop the wait below.
const realSetTimeout = globalThis.setTimeout;

let stray: Error[] = [];

config.onUnhandledError = (error: unknown) => {
  stray.push(new Error('an error reached no subscriber', { cause: error }));
};

config.onStoppedNotification = (notification) => {
  if (notification.kind === 'C') return;
  stray.push(
    new Error(`a stopped subscriber was notified: ${notification.kind}`, { cause: notification }),
  );
};

beforeEach(() => {
  stray = [];
});

afterEach(async () => {
  // rxjs reports from a timeout of 0, so one turn of the timers has to pass.
  await new Promise((resolve) => realSetTimeout(resolve, 0));
  const found = stray;
  stray = [];
  if (found.length > 0) {
    throw new AggregateError(found, found.map((error) => describe(error)).join('\n'));
  }
});

function describe(error: Error): string {
  const { cause } = error;
  return cause instanceof Error
    ? `${error.message}: ${cause.stack ?? cause.message}`
    : error.message;
}
