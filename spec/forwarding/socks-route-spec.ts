import { describe, expect, it } from '@jest/globals';
import { concat, NEVER, of } from 'rxjs';
import { socksRoute } from '../../src/forwarding/socks-route.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { connectionLost } from '../../src/streams/ending.ts';
import { fromHex } from '../../src/wire/bytes.ts';

/** SOCKS 4 to 127.0.0.1:80, and a byte behind it. */
const EAGER_REQUEST = fromHex('04010050' + '7f000001' + '00' + 'ff');

describe('socksRoute', () => {
  it('has a client that has sent data behind its request destroyed with the error of the other end', () => {
    const told: unknown[] = [];
    const near: ByteDuplex = {
      readable$: concat(of(EAGER_REQUEST), NEVER),
      write: (_bytes, done) => done(),
      end: () => undefined,
      destroy: (error) => told.push(error),
    };
    const far: ByteDuplex = { ...near, readable$: NEVER };
    const route = socksRoute(() => concat(of(far), NEVER));
    const lost = connectionLost('reset');
    route(near, () => undefined)
      .subscribe((ends) => ends.near.destroy(lost))
      .unsubscribe();
    expect(told).toEqual([lost]);
  });
});
