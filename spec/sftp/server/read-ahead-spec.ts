import { describe, expect, it } from '@jest/globals';
import type { Subscription } from 'rxjs';
import { ReadAhead } from '../../../src/sftp/server/read-ahead.ts';

const MOST = 1024 * 1024;

/** READs and whose turn it is. */
class Run {
  readonly begun: string[] = [];
  readonly #ahead = new ReadAhead();
  readonly #taken = new Map<string, () => void>();

  ask(name: string, bytes: number, then?: (taken: () => void) => void): Subscription {
    return this.#ahead.turn(bytes).subscribe((taken) => {
      this.begun.push(name);
      this.#taken.set(name, taken);
      then?.(taken);
    });
  }

  take(name: string): void {
    this.#taken.get(name)?.();
  }
}

describe('ReadAhead', () => {
  it('lets so many bytes be read that make 1 MiB, and the next when those before were taken', () => {
    const run = new Run();
    for (const name of ['a', 'b', 'c', 'd']) run.ask(name, 0.375 * MOST);
    expect(run.begun).toEqual(['a', 'b']);
    run.take('b');
    expect(run.begun).toEqual(['a', 'b', 'c']);
    run.take('a');
    expect(run.begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps the order: a small one does not overtake', () => {
    const run = new Run();
    run.ask('a', 0.75 * MOST);
    run.ask('large', 0.5 * MOST);
    run.ask('small', 1);
    expect(run.begun).toEqual(['a']);
    run.take('a');
    expect(run.begun).toEqual(['a', 'large', 'small']);
  });

  it('passes over those that nobody waits for any more', () => {
    const run = new Run();
    run.ask('a', MOST);
    run.ask('left', MOST).unsubscribe();
    run.ask('b', MOST);
    run.take('a');
    expect(run.begun).toEqual(['a', 'b']);
  });

  it('goes through many that are taken at once without a stack for each', () => {
    const run = new Run();
    run.ask('first', MOST);
    for (let i = 0; i < 20_000; i++) run.ask(`next ${String(i)}`, MOST, (taken) => taken());
    run.take('first');
    expect(run.begun).toHaveLength(20_001);
  });
});
