import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, toArray } from 'rxjs';
import { exitOf, exitWith } from '../../src/server/exit-result.ts';

describe('exitOf', () => {
  it.each<readonly [unknown, unknown]>([
    [0, { kind: 'status', status: 0 }],
    [255, { kind: 'status', status: 255 }],
    [0xffff_ffff, { kind: 'status', status: 0xffff_ffff }],
    [{ status: 7 }, { kind: 'status', status: 7 }],
    [{ signal: 'TERM' }, { kind: 'signal', signal: 'TERM', coreDumped: false, errorMessage: '' }],
    [
      { signal: 'SEGV', coreDumped: true, errorMessage: 'oh' },
      { kind: 'signal', signal: 'SEGV', coreDumped: true, errorMessage: 'oh' },
    ],
  ])('%j is an exit', (value, exit) => {
    expect(exitOf(value)).toEqual(exit);
  });

  it.each<readonly [unknown]>([
    ...[[-1], [1.5], [Number.NaN], [0x1_0000_0000], ['0'], [true], [undefined], [null], [{}]],
    ...[[[]], [{ status: '0' }], [{ signal: '' }], [{ signal: 9 }], [{ signal: 'TERM\n' }]],
    ...[[{ signal: 'TERM', status: 1 }], [{ signal: 'TERM', coreDumped: 1 }]],
    [{ signal: 'TERM', errorMessage: 1 }],
  ] as readonly (readonly [unknown])[])('%j is none', (value) => {
    expect(exitOf(value)).toBeUndefined();
  });
});

describe('exitWith', () => {
  it('emits nothing but the exit, at the end', async () => {
    expect(await lastValueFrom(of(10, 20).pipe(exitWith({ status: 3 }), toArray()))).toEqual([
      { status: 3 },
    ]);
    expect(await lastValueFrom(of(10, 20).pipe(exitWith(), toArray()))).toEqual([0]);
  });
});
