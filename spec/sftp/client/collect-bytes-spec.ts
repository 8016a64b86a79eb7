import { describe, expect, it } from '@jest/globals';
import { from, of, Subject } from 'rxjs';
import { deliver } from '../../../src/operators/credit.ts';
import { collectBytes } from '../../../src/sftp/client/collect-bytes.ts';
import { allOf } from '../../support/embedded.ts';

describe('collectBytes', () => {
  it('gives all bytes at the end, also of nothing', async () => {
    const pieces = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
    const seen: unknown[] = [];
    from(pieces)
      .pipe(collectBytes())
      .subscribe((bytes) => seen.push(bytes));
    from([])
      .pipe(collectBytes())
      .subscribe((bytes) => seen.push(bytes));
    expect(seen).toEqual([Uint8Array.of(1, 2, 3), new Uint8Array(0)]);
  });

  it('errors past its limit, at once', async () => {
    const source = of(new Uint8Array(5), new Uint8Array(6));
    expect(await allOf(source.pipe(collectBytes({ maxBytes: 10 })))).toMatchObject([
      { kind: 'overflow', detail: { limit: 10 } },
    ]);
    expect(await allOf(source.pipe(collectBytes({ maxBytes: 11 })))).toHaveLength(2);
  });

  it('copies what is borrowed', () => {
    const source = new Subject<Uint8Array>();
    const seen: Uint8Array[] = [];
    source.pipe(collectBytes()).subscribe((bytes) => seen.push(bytes));
    const chunk = Uint8Array.of(1, 2);
    deliver(source, chunk, () => {}, true);
    chunk.fill(0);
    source.complete();
    expect(seen).toEqual([Uint8Array.of(1, 2)]);
  });
});
