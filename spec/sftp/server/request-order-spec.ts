import { describe, expect, it } from '@jest/globals';
import { type Claim, RequestOrder } from '../../../src/sftp/server/request-order.ts';
import { utf8Bytes } from '../../../src/wire/bytes.ts';

/** Enters claims, and tells which have begun. */
class Run {
  readonly begun: string[] = [];
  readonly #order = new RequestOrder();

  enter(name: string, claim: Partial<Omit<Claim, 'paths'>> & { paths?: string[] }): () => void {
    const paths = (claim.paths ?? []).map(utf8Bytes);
    const whole = { changes: false, handles: [], ...claim, paths };
    return this.#order.enter(whole, () => this.begun.push(name));
  }
}

describe('RequestOrder', () => {
  it.each([
    ['the same path', '/a', '/a'],
    ['a path below', '/a', '/a/b'],
    ['a path above', '/a/b', '/a'],
    ['the root', '/a', '/'],
  ])('has what changes something wait for %s', (_, earlier, later) => {
    for (const [first, second] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const run = new Run();
      const leave = run.enter('first', { paths: [earlier], changes: first });
      run.enter('second', { paths: [later], changes: second });
      expect(run.begun).toEqual(['first']);
      leave();
      expect(run.begun).toEqual(['first', 'second']);
    }
  });

  it('lets those run side by side that only look, and those that are about something else', () => {
    const run = new Run();
    run.enter('look', { paths: ['/a'] });
    run.enter('look again', { paths: ['/a/b'] });
    run.enter('a sibling that begins alike', { paths: ['/ab'], changes: true });
    run.enter('nothing', { changes: true });
    expect(run.begun).toHaveLength(4);
  });

  it('has requests for one handle wait, unless they write to different places', () => {
    const run = new Run();
    const handles = [{}];
    const leave = run.enter('read', { handles, paths: ['/a'] });
    run.enter('read again', { handles, paths: ['/a'] });
    expect(run.begun).toEqual(['read']);
    leave();
    const other = [{}];
    const write = { handles: other, paths: ['/b'], changes: true };
    run.enter('write 0-5', { ...write, range: { start: 0, end: 5 } });
    run.enter('write 5-9', { ...write, range: { start: 5, end: 9 } });
    run.enter('write 4-6', { ...write, range: { start: 4, end: 6 } });
    run.enter('stat', { handles: other, paths: ['/b'] });
    expect(run.begun).toEqual(['read', 'read again', 'write 0-5', 'write 5-9']);
  });

  it('waits for all that stand in the way, and for nobody who has left', () => {
    const run = new Run();
    const leaves = ['/a', '/b'].map((path) => run.enter(path, { paths: [path], changes: true }));
    const left = run.enter('left', { paths: ['/a'], changes: true });
    run.enter('both', { paths: ['/a', '/b'], changes: true });
    left();
    left();
    leaves[0]?.();
    leaves[0]?.();
    expect(run.begun).toEqual(['/a', '/b']);
    leaves[1]?.();
    expect(run.begun).toEqual(['/a', '/b', 'both']);
  });
});
