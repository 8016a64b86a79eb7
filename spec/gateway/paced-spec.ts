import { describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import { paced } from '../../src/gateway/paced.ts';

/** A peer that reads or not, as it is told. */
class Peer {
  isWritable = true;
  readonly resumed: (() => void)[] = [];

  whenWritable(resume: () => void): void {
    this.resumed.push(resume);
  }

  reads(): void {
    this.isWritable = true;
    for (const resume of this.resumed.splice(0)) resume();
  }
}

describe('paced', () => {
  it('hands on at once while the peer reads, and the last few when it reads again', () => {
    const peer = new Peer();
    const source = new Subject<number>();
    const seen: number[] = [];
    source.pipe(paced(peer, 2)).subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).toEqual([1]);
    peer.isWritable = false;
    for (let value = 2; value <= 9; value++) source.next(value);
    expect([seen, peer.resumed.length]).toEqual([[1], 1]);
    peer.reads();
    expect(seen).toEqual([1, 8, 9]);
    source.next(10);
    expect(seen).toEqual([1, 8, 9, 10]);
  });

  it('says nothing more when it is unsubscribed', () => {
    const peer = new Peer();
    peer.isWritable = false;
    const source = new Subject<number>();
    const seen: number[] = [];
    const subscription = source.pipe(paced(peer, 2)).subscribe((value) => seen.push(value));
    source.next(1);
    subscription.unsubscribe();
    peer.reads();
    expect(seen).toEqual([]);
  });
});
