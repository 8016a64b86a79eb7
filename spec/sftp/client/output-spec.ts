import { describe, expect, it } from '@jest/globals';
import { Observable } from 'rxjs';
import { Output } from '../../../src/sftp/client/output.ts';

/** What a consumer hears that does this to the output in the middle of its end. */
function heard(end: (output: Output<number>) => void): unknown[] {
  const seen: unknown[] = [];
  let output: Output<number> | undefined;
  const again = (): void => {
    expect(output?.isOver()).toBe(true);
    output?.complete();
    output?.error(new Error('second'));
  };
  new Observable<number>((out) => {
    output = new Output(out);
    output.deliver(1, () => seen.push('acknowledged'));
    end(output);
  }).subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => {
      seen.push((error as Error).message);
      again();
    },
    complete: () => {
      seen.push('complete');
      again();
    },
  });
  return seen;
}

describe('an output', () => {
  it('ends once, whatever is done while its end is heard', () => {
    expect(heard((output) => output.complete())).toEqual([1, 'acknowledged', 'complete']);
    expect(heard((output) => output.error(new Error('first')))).toEqual([
      ...[1, 'acknowledged', 'first'],
    ]);
  });

  it('is over for whoever has unsubscribed', () => {
    let output: Output<number> | undefined;
    new Observable<number>((out) => {
      output = new Output(out);
    })
      .subscribe()
      .unsubscribe();
    expect(output?.isOver()).toBe(true);
    output?.error(new Error('nobody hears it'));
  });
});
