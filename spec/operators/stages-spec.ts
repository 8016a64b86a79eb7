/** What all stages of the pipeline have in common. */
import { describe, expect, it } from '@jest/globals';
import { type OperatorFunction, Subject } from 'rxjs';
import { defaultProvider } from '#crypto';
import { coalesce } from '../../src/operators/coalesce.ts';
import { decode } from '../../src/operators/decode.ts';
import { decrypt } from '../../src/operators/decrypt.ts';
import { encode } from '../../src/operators/encode.ts';
import { frame } from '../../src/operators/frame.ts';
import { hold } from '../../src/operators/hold.ts';
import { identify } from '../../src/operators/identify.ts';
import { lift } from '../../src/operators/lift.ts';
import { nest } from '../../src/operators/nest.ts';
import { pad } from '../../src/operators/pad.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';
import { seal } from '../../src/operators/seal.ts';
import { unpad } from '../../src/operators/unpad.ts';
import { verifyCiphertext, verifyPlaintext } from '../../src/operators/verify.ts';
import { initialInbound, initialOutbound } from '../../src/transport/direction.ts';
import { marbles } from '../support/marbles.ts';

const stages: [string, () => OperatorFunction<never, unknown>][] = [
  ['identify', () => identify('client', () => undefined)],
  ['frame', () => frame(initialInbound(), new RunQueue())],
  ['verifyCiphertext', () => verifyCiphertext(initialInbound())],
  ['decrypt', () => decrypt(initialInbound())],
  ['verifyPlaintext', () => verifyPlaintext(initialInbound())],
  ['unpad', () => unpad()],
  ['decode', () => decode(() => undefined)],
  ['encode', () => encode()],
  ['hold', () => hold(initialOutbound())],
  ['pad', () => pad(initialOutbound(), defaultProvider)],
  ['seal', () => seal(initialOutbound())],
  ['coalesce', () => coalesce(new RunQueue())],
  ['lift', () => lift(() => ({ next: () => undefined }))],
  ['nest', () => nest(() => [])],
];

describe.each(stages)('%s', (_name, stage) => {
  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<never>('--|').pipe(stage())).toBe('--|');
      expectObservable(cold<never>('---').pipe(stage())).toBe('---');
      expectObservable(cold<never>('--#').pipe(stage())).toBe('--#');
      expectObservable(cold<never>('|').pipe(stage())).toBe('|');
      expectObservable(cold<never>('#').pipe(stage())).toBe('#');
    });
  });

  it('is cold, and unsubscribes its source', () => {
    const source$ = new Subject<never>();
    const staged$ = source$.pipe(stage());
    expect(source$.observed).toBe(false);
    const subscription = staged$.subscribe();
    expect(source$.observed).toBe(true);
    subscription.unsubscribe();
    expect(source$.observed).toBe(false);
  });
});
