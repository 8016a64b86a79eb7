import { describe, expect, it } from '@jest/globals';
import { RunQueue } from '../../src/operators/run-queue.ts';

describe('RunQueue', () => {
  it('runs a task at once, and what it queues behind it', () => {
    const queue = new RunQueue();
    const events: string[] = [];
    queue.run(() => {
      queue.run(() => {
        events.push('b');
        queue.run(() => events.push('d'));
      });
      queue.run(() => events.push('c'));
      events.push('a');
    });
    expect(events).toEqual(['a', 'b', 'c', 'd']);
  });

  it('settles each time it has run dry, and goes on with what that brings', () => {
    const queue = new RunQueue();
    const events: string[] = [];
    let more = 2;
    queue.onIdle(() => {
      events.push('settle');
      if (more-- > 0) queue.run(() => events.push('more'));
    });
    queue.run(() => {
      events.push('task');
      queue.run(() => events.push('next'));
    });
    expect(events).toEqual(['task', 'next', 'settle', 'more', 'settle', 'more', 'settle']);
    queue.run(() => events.push('again'));
    expect(events.slice(-2)).toEqual(['again', 'settle']);
  });

  it('hands over what a task throws, and runs those behind it', () => {
    const thrown: unknown[] = [];
    const queue = new RunQueue((each) => thrown.push(each));
    const events: string[] = [];
    queue.onIdle(() => {
      throw new Error('settle');
    });
    queue.run(() => {
      queue.run(() => events.push('behind'));
      throw new Error('task');
    });
    expect(thrown).toEqual([new Error('task'), new Error('settle')]);
    expect(events).toEqual(['behind']);
  });

  it('throws on what a task throws when nobody takes it, and can be used again', () => {
    const queue = new RunQueue();
    const events: string[] = [];
    expect(() =>
      queue.run(() => {
        throw new Error('task');
      }),
    ).toThrow('task');
    queue.run(() => events.push('later'));
    expect(events).toEqual(['later']);
  });

  it('does not grow the stack', () => {
    const queue = new RunQueue();
    let left = 100_000;
    const task = (): void => {
      if (--left > 0) queue.run(task);
    };
    queue.run(task);
    expect(left).toBe(0);
  });
});
