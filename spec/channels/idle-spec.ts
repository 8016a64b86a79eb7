import { describe, expect, it } from '@jest/globals';
import { VirtualTimeScheduler } from 'rxjs';
import { whenIdle } from '../../src/channels/idle.ts';

describe('whenIdle', () => {
  it('emits once, the limit behind the last use', () => {
    const scheduler = new VirtualTimeScheduler();
    const seen: number[] = [];
    let lastUsed = 0;
    scheduler.schedule(() => (lastUsed = 60), 60);
    scheduler.schedule(() => (lastUsed = 140), 140);
    whenIdle(100, () => lastUsed, scheduler).subscribe(() => seen.push(scheduler.now()));
    scheduler.flush();
    expect(seen).toEqual([240]);
  });

  it('sets no timer for a limit of 0', () => {
    const scheduler = new VirtualTimeScheduler();
    whenIdle(0, () => 0, scheduler).subscribe();
    expect(scheduler.actions).toHaveLength(0);
  });

  it('waits for more than a timer can (R9)', () => {
    const scheduler = new VirtualTimeScheduler();
    const month = 30 * 24 * 3_600_000;
    const seen: number[] = [];
    whenIdle(month, () => 0, scheduler).subscribe(() => seen.push(scheduler.now()));
    const delays = scheduler.actions.map(({ delay }) => delay);
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
    scheduler.flush();
    expect(seen).toEqual([month]);
  });
});
