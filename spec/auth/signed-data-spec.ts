import { describe, expect, it } from '@jest/globals';
import { hostbasedSignedData, signedData } from '../../src/auth/signed-data.ts';
import { fromHex, toHex } from '../../src/wire/bytes.ts';

describe('signedData', () => {
  it('is the session identifier and the request as RFC 4252 §7 lists its fields', () => {
    const data = signedData(fromHex('a0a1a2a3'), {
      userName: 'jürgen',
      serviceName: 'ssh-connection',
      algorithm: 'rsa-sha2-256',
      publicKey: fromHex('b0b1'),
    });
    const expected = [
      '00000004 a0a1a2a3',
      '32',
      '00000007 6ac3bc7267656e',
      '0000000e 7373682d636f6e6e656374696f6e',
      '00000009 7075626c69636b6579',
      '01',
      '0000000c 7273612d736861322d323536',
      '00000002 b0b1',
    ];
    expect(toHex(data)).toBe(expected.join('').replace(/ /g, ''));
  });
});

describe('hostbasedSignedData', () => {
  it('is the session identifier and the request as RFC 4252 §9 lists its fields', () => {
    const data = hostbasedSignedData(fromHex('a0a1a2a3'), {
      userName: 'jürgen',
      serviceName: 'ssh-connection',
      algorithm: 'rsa-sha2-256',
      hostKey: fromHex('b0b1'),
      clientHost: 'a.b.',
      localUser: 'jür',
    });
    const expected = [
      '00000004 a0a1a2a3',
      '32',
      '00000007 6ac3bc7267656e',
      '0000000e 7373682d636f6e6e656374696f6e',
      '00000009 686f73746261736564',
      '0000000c 7273612d736861322d323536',
      '00000002 b0b1',
      '00000004 612e622e',
      '00000004 6ac3bc72',
    ];
    expect(toHex(data)).toBe(expected.join('').replace(/ /g, ''));
  });
});
