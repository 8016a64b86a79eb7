/** The order in which keys are asked for, and that their sources are let go. */
import { describe, expect, it } from '@jest/globals';
import { concat, EMPTY, NEVER, Observable, of, Subscription, throwError } from 'rxjs';
import { IdentityQueue } from '../../src/auth/identity-queue.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';

describe('the queue of identities', () => {
  it.each([
    ['is empty', EMPTY, 1],
    ['fails', throwError(() => new Error('no file')), 2],
  ])('X20: lets the open source go when the one before it %s at once', (_what, first, keys) => {
    let isOpen = false;
    const pending = new Observable<Signer>(() => {
      isOpen = true;
      return () => (isOpen = false);
    });
    const lifetime = new Subscription();
    const queue = new IdentityQueue([first, pending], lifetime);
    let asked = 0;
    // a method asks for the next key within the answer to its last question
    const ask = (): void => {
      if (asked++ < keys) lifetime.add(queue.next().subscribe(ask));
    };
    ask();
    expect(isOpen).toBe(true);
    lifetime.unsubscribe();
    expect(isOpen).toBe(false);
  });

  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['a public key', generatePrivateKey('ed25519').publicKey],
    ['a text', 'ssh-ed25519 AAAA'],
  ])('goes on with the next source when one emits %s', (_what, emitted) => {
    const key = generatePrivateKey('ed25519');
    const lifetime = new Subscription();
    const queue = new IdentityQueue([of(emitted as Signer), of(key)], lifetime);
    const heard: unknown[] = [];
    for (let asked = 0; asked < 2; asked++)
      lifetime.add(queue.next().subscribe((identity) => heard.push(identity)));
    expect(heard).toMatchObject([
      { type: 'failure', error: { kind: 'config', detail: { option: 'identities' } } },
      { type: 'signer', signer: key },
    ]);
  });

  it('is at its end behind 64 keys, though their source stays open', () => {
    const lifetime = new Subscription();
    const emitted = Array.from({ length: 65 }, () => generatePrivateKey('ed25519'));
    const queue = new IdentityQueue(concat(emitted, NEVER), lifetime);
    const ends: number[] = [];
    for (let asked = 1; asked <= 65; asked++) {
      let keys = 0;
      lifetime.add(queue.next().subscribe({ next: () => keys++, complete: () => ends.push(keys) }));
    }
    expect(ends).toEqual([...Array.from({ length: 64 }, () => 1), 0]);
    lifetime.unsubscribe();
  });
});
