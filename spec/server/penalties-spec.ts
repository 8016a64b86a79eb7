import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PENALTIES, type Penalties, PenaltyTable } from '../../src/server/penalties.ts';
import { memoryInUse, MiB } from '../support/memory.ts';

function table(more: Partial<Penalties> = {}): {
  readonly penalties: PenaltyTable;
  pass(milliseconds: number): void;
} {
  let now = 1e6;
  const penalties = new PenaltyTable({ ...DEFAULT_PENALTIES, ...more }, { now: () => now });
  return { penalties, pass: (milliseconds) => (now += milliseconds) };
}

describe('Penalties (R2)', () => {
  it('add up, and show from the least on', () => {
    const { penalties } = table({ authFail: 8_000 });
    penalties.add('a', 'authFail');
    expect(penalties.isActive('a')).toBe(false);
    penalties.add('a', 'authFail');
    expect([penalties.isActive('a'), penalties.isActive('b')]).toEqual([true, false]);
  });

  it('hold until they are over, and are forgotten then', () => {
    const { penalties, pass } = table();
    for (let i = 0; i < 2; i++) penalties.add('a', 'graceExceeded');
    pass(19_999);
    expect(penalties.isActive('a')).toBe(true);
    pass(1);
    expect([penalties.isActive('a'), penalties.size]).toEqual([false, 0]);
    penalties.add('a', 'graceExceeded');
    expect(penalties.isActive('a')).toBe(false);
  });

  it('wear off between offences', () => {
    const { penalties, pass } = table();
    for (let i = 0; i < 20; i++) {
      penalties.add('a', 'authFail');
      pass(4_000);
      penalties.add('b', 'noAuth');
    }
    expect([penalties.isActive('a'), penalties.isActive('b')]).toEqual([true, false]);
  });

  it('are never more than the most', () => {
    const { penalties, pass } = table();
    for (let i = 0; i < 1000; i++) penalties.add('a', 'authFail');
    pass(599_999);
    expect(penalties.isActive('a')).toBe(true);
    pass(1);
    expect(penalties.isActive('a')).toBe(false);
  });

  it('of 0 are none', () => {
    const { penalties } = table({ noAuth: 0 });
    penalties.add('a', 'noAuth');
    expect(penalties.size).toBe(0);
  });

  it('forget the sources that have been quiet for longest when there are too many', () => {
    const { penalties } = table({ maxSources: 4, min: 0 });
    for (const source of ['a', 'b', 'c', 'a', 'd']) penalties.add(source, 'authFail');
    expect(['a', 'b', 'c', 'd'].map((source) => penalties.isActive(source))).toEqual([
      ...[true, false, true, true],
    ]);
  });

  it('of a million sources take no more than 65 536 do', async () => {
    const { penalties } = table();
    const before = await memoryInUse();
    for (let i = 0; i < 1e6; i++) penalties.add(`10.${String(i)}`, 'authFail');
    expect(penalties.size).toBeLessThanOrEqual(65_536);
    expect(penalties.isActive('10.0')).toBe(false);
    expect((await memoryInUse()) - before).toBeLessThan(24 * MiB);
  });
});
