import { describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import {
  deliver,
  holdCredit,
  isDelivering,
  isHeld,
  keep,
  keepWhileHeld,
  outsideDelivery,
  type Release,
} from '../../src/operators/credit.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';

/** A delivery to `next`, and how often it was acknowledged. */
function delivered(next: (value: string) => void, value = 'value'): { acknowledged: number } {
  const seen = { acknowledged: 0 };
  deliver({ next }, value, () => seen.acknowledged++);
  return seen;
}

describe('a delivery', () => {
  it('is acknowledged when next returns and nobody holds it', () => {
    const seen = { acknowledged: 0, inside: -1 };
    deliver({ next: () => (seen.inside = seen.acknowledged) }, 'value', () => seen.acknowledged++);
    expect(seen).toEqual({ acknowledged: 1, inside: 0 });
  });

  it('is acknowledged once the last hold is released', () => {
    const releases: Release[] = [];
    const seen = delivered(() => releases.push(holdCredit(), holdCredit(), holdCredit()));
    expect(seen.acknowledged).toBe(0);
    releases[1]?.();
    releases[0]?.();
    expect(seen.acknowledged).toBe(0);
    releases[2]?.();
    expect(seen.acknowledged).toBe(1);
  });

  it('counts each release once', () => {
    let first: Release = () => undefined;
    let second: Release = () => undefined;
    const seen = delivered(() => {
      first = holdCredit();
      second = holdCredit();
    });
    first();
    first();
    first();
    expect(seen.acknowledged).toBe(0);
    second();
    second();
    expect(seen.acknowledged).toBe(1);
  });

  it('is not acknowledged inside next by a hold that is released at once', () => {
    let inside = -1;
    const seen = { acknowledged: 0 };
    const next = (): void => {
      holdCredit()();
      inside = seen.acknowledged;
    };
    deliver({ next }, 'value', () => seen.acknowledged++);
    expect(inside).toBe(0);
    expect(seen.acknowledged).toBe(1);
  });

  it('is acknowledged, and its scope left, when next throws', () => {
    const seen = { acknowledged: 0 };
    const next = (): void => {
      throw new Error('broken consumer');
    };
    expect(() => deliver({ next }, 'value', () => seen.acknowledged++)).toThrow('broken consumer');
    expect(seen.acknowledged).toBe(1);
    expect(isDelivering()).toBe(false);
  });

  it('nests: an inner one takes nothing of the outer one, which goes on behind it', () => {
    const events: string[] = [];
    let releaseInner: Release = () => undefined;
    let releaseOuter: Release = () => undefined;
    const inner = (): void => {
      releaseInner = holdCredit();
    };
    const outer = (): void => {
      deliver({ next: inner }, 'inner', () => events.push('inner'));
      releaseOuter = holdCredit();
    };
    deliver({ next: outer }, 'outer', () => events.push('outer'));
    expect(events).toEqual([]);
    releaseOuter();
    expect(events).toEqual(['outer']);
    releaseInner();
    expect(events).toEqual(['outer', 'inner']);
  });
});

describe('holdCredit', () => {
  it('does nothing outside a delivery', () => {
    expect(isDelivering()).toBe(false);
    expect(() => holdCredit()()).not.toThrow();
  });

  it('takes no credit in an emission that is led outside', () => {
    const other = new Subject<void>();
    let release: Release = () => undefined;
    other.subscribe(() => (release = holdCredit()));
    const seen = delivered(() => outsideDelivery(() => other.next()));
    expect(seen.acknowledged).toBe(1);
    release();
    expect(seen.acknowledged).toBe(1);
  });

  it('takes no credit in a task of a run queue', () => {
    const queue = new RunQueue();
    let inTask = true;
    const seen = delivered(() => {
      queue.run(() => {
        inTask = isDelivering();
        holdCredit();
      });
      expect(isDelivering()).toBe(true);
    });
    expect(inTask).toBe(false);
    expect(seen.acknowledged).toBe(1);
  });
});

describe('outsideDelivery', () => {
  it('comes back into the delivery, also from a throw', () => {
    const states: boolean[] = [];
    delivered(() => {
      states.push(
        outsideDelivery(() => isDelivering()),
        isDelivering(),
      );
      expect(() =>
        outsideDelivery(() => {
          throw new Error('thrown');
        }),
      ).toThrow('thrown');
      states.push(isDelivering());
    });
    expect(states).toEqual([false, true, true]);
  });

  it('returns what the function returns, inside and outside', () => {
    expect(outsideDelivery(() => 1)).toBe(1);
    delivered(() => expect(outsideDelivery(() => 2)).toBe(2));
  });
});

describe('keep', () => {
  it('copies bytes that are borrowed, and nothing else', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const object = { bytes };
    const kept: unknown[] = [];
    const next = (value: unknown): void => void kept.push(keep(value));
    deliver({ next }, bytes, () => undefined, true);
    deliver({ next }, object, () => undefined, true);
    deliver({ next }, bytes, () => undefined);
    next(bytes);
    bytes.fill(0);
    expect(kept[0]).toEqual(Uint8Array.of(1, 2, 3));
    expect(kept[1]).toBe(object);
    expect(kept[2]).toBe(bytes);
    expect(kept[3]).toBe(bytes);
  });

  it('copies bytes that are lent until the credit is back, but not for who only looks at them until then', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const kept: Uint8Array[] = [];
    const next = (value: Uint8Array): void => void kept.push(keep(value), keepWhileHeld(value));
    deliver({ next }, bytes, () => undefined, 'until-acknowledged');
    deliver({ next }, bytes, () => undefined, true);
    deliver({ next }, bytes, () => undefined);
    expect(kept.map((each) => each === bytes)).toEqual([false, true, false, false, true, true]);
    bytes.fill(0);
    expect(kept[0]).toEqual(Uint8Array.of(1, 2, 3));
    expect(kept[3]).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('makes plain bytes of a Buffer', () => {
    const kept: Uint8Array[] = [];
    const next = (value: Uint8Array): void => void kept.push(keep(value));
    deliver({ next }, Buffer.from('abc'), () => undefined, true);
    expect(kept[0]).toEqual(Uint8Array.from(Buffer.from('abc')));
    expect(Buffer.isBuffer(kept[0])).toBe(false);
  });
});

describe('isHeld', () => {
  it('tells whether somebody holds what is being delivered', () => {
    const seen: boolean[] = [isHeld()];
    let release: Release = () => undefined;
    const next = (): void => {
      seen.push(isHeld());
      release = holdCredit();
      seen.push(isHeld());
      release();
      seen.push(isHeld());
    };
    deliver({ next }, 'value', () => undefined);
    expect(seen).toEqual([false, false, true, false]);
  });
});

describe('the scope', () => {
  it('is shared by all copies of the package', () => {
    const key = Symbol.for('rxssh.delivery');
    delivered(() => {
      const shared = (globalThis as Record<symbol, unknown>)[key] as { current: unknown };
      expect(shared.current).toBeDefined();
    });
  });
});
