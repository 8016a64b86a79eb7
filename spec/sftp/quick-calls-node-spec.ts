import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { quickly } from '../../src/sftp/quick-calls-node.ts';

/** What has been measured by now, in milliseconds; never earlier than in another spec. */
let now = 1e9;

beforeEach(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => {
  jest.restoreAllMocks();
  now += 1e9;
});

/** Makes a call that takes so many milliseconds; tells who has made it. */
function called(milliseconds: number): string {
  let by = 'nobody';
  quickly(
    () => {
      now += milliseconds;
      return 'this thread';
    },
    (told) => told(null, 'another thread'),
    (_error, value) => (by = value),
  );
  return by;
}

describe('a call of the system', () => {
  it('is made at once, and its error told', () => {
    const failure = new Error('no such file');
    const told: unknown[] = [];
    quickly(
      () => {
        throw failure;
      },
      () => told.push('elsewhere'),
      (error) => told.push(error),
    );
    expect([called(0.01), ...told]).toEqual(['this thread', failure]);
  });

  it('is made elsewhere when it may take long', () => {
    const makers: string[] = [];
    const elsewhere = (): void => void makers.push('another thread');
    quickly(
      () => makers.push('this thread'),
      elsewhere,
      () => {},
      false,
    );
    expect(makers).toEqual(['another thread']);
  });

  it('is made elsewhere for twenty times as long as a slow disk took', () => {
    expect(called(200.25)).toBe('this thread');
    now += 3999;
    expect(called(0)).toBe('another thread');
    now += 2;
    expect(called(0)).toBe('this thread');
  });

  it('is made elsewhere when each takes a little too long', () => {
    const makers = Array.from({ length: 20 }, () => called(3.25));
    expect(makers.indexOf('another thread')).toBe(9);
    expect(makers.lastIndexOf('this thread')).toBe(8);
  });

  it('goes on at once behind a hiccup now and then', () => {
    const makers = Array.from({ length: 1000 }, (_, index) =>
      called(index % 100 === 0 ? 20 : 0.01),
    );
    expect(new Set(makers)).toEqual(new Set(['this thread']));
  });
});
