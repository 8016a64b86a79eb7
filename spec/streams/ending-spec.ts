/** Which error for whom, and what the peer is told of it. */
import { describe, expect, it } from '@jest/globals';
import { type ErrorDetails, type ErrorKind, protocolError, SshError } from '../../src/errors.ts';
import {
  asSshError,
  connectionLost,
  disconnectedByPeer,
  type Farewell,
  farewellFor,
  lossOf,
  releasedError,
} from '../../src/streams/ending.ts';

function errorOf<K extends ErrorKind>(kind: K, detail: Partial<ErrorDetails[K]> = {}): SshError {
  return new SshError(kind, `message of ${kind}`, detail as ErrorDetails[K]);
}

describe('farewellFor', () => {
  const silent: readonly ErrorKind[] = ['connection-lost', 'disconnect'];
  it.each(silent)('says nothing for %s: nobody is there', (kind) => {
    expect(farewellFor(errorOf(kind))).toBeUndefined();
  });

  it('says what the peer has done wrong, with the reason of the error', () => {
    expect(farewellFor(protocolError('packet_length of 3', 5))).toEqual({
      reasonCode: 5,
      description: 'packet_length of 3',
    });
    expect(farewellFor(protocolError('out of place'))?.reasonCode).toBe(2);
  });

  const rows: readonly [ErrorKind, Farewell][] = [
    ['key-exchange', { reasonCode: 3, description: 'message of key-exchange' }],
    ['key-format', { reasonCode: 3, description: 'message of key-format' }],
    ['host-key', { reasonCode: 9, description: 'host key not accepted' }],
    ['auth', { reasonCode: 14, description: 'no more authentication methods' }],
    ['timeout', { reasonCode: 11, description: 'timeout' }],
    ['overflow', { reasonCode: 11, description: 'overflow' }],
    ['aborted', { reasonCode: 11, description: 'aborted' }],
    ['released', { reasonCode: 11, description: 'released' }],
    ['config', { reasonCode: 11, description: 'config' }],
    ['exit', { reasonCode: 11, description: 'exit' }],
  ];
  it.each(rows)('tells of %s no more than the peer has to know', (kind, farewell) => {
    expect(farewellFor(errorOf(kind))).toEqual(farewell);
  });

  it('keeps a fault of ours to ourselves', () => {
    const fault = asSshError(new TypeError('cannot read /home/alice/.secret'));
    expect(farewellFor(fault)).toEqual({ reasonCode: 11, description: 'internal error' });
  });
});

describe('asSshError', () => {
  it('passes errors of ours on', () => {
    const error = errorOf('timeout');
    expect(asSshError(error)).toBe(error);
  });

  it.each([new TypeError('boom'), 'boom'])(
    'makes a fault of ours of %p, its cause kept',
    (thrown) => {
      const error = asSshError(thrown);
      expect(error.kind).toBe('protocol');
      expect(error.message).toBe('internal error: boom');
      expect(error.cause).toBe(thrown);
      expect(error.transient).toBe(false);
    },
  );
});

describe('connectionLost', () => {
  it('says that the peer has closed when nothing else is known', () => {
    const error = connectionLost();
    expect(error.message).toBe('connection lost: the peer closed the connection');
    expect(error.cause).toBeUndefined();
    expect(error.transient).toBe(true);
  });

  it('says why, where that is known', () => {
    const cause = new Error('read ECONNRESET');
    expect(connectionLost(cause)).toMatchObject({
      kind: 'connection-lost',
      message: 'connection lost: read ECONNRESET',
      cause,
    });
  });
});

describe('lossOf', () => {
  const peer = { bytes: new Uint8Array(0), text: 'SSH-2.0-x' };

  it('tells of a peer that left before it had said who it is', () => {
    expect(lossOf(undefined, undefined)).toMatchObject({
      kind: 'connection-lost',
      message: 'connection lost: the peer closed the connection before it identified itself',
      transient: true,
    });
    expect(lossOf(undefined, peer).message).toBe(connectionLost().message);
  });

  it('goes by the cause where there is one', () => {
    const error = errorOf('timeout');
    expect(lossOf(error, undefined)).toBe(error);
    expect(lossOf(new Error('reset'), undefined).message).toBe('connection lost: reset');
  });
});

describe('disconnectedByPeer', () => {
  it('names the reason and has the description escaped', () => {
    const error = disconnectedByPeer(2, 'bye\u001b[2J\u202e');
    expect(error.message).toBe('disconnected by the peer: PROTOCOL_ERROR: bye\\x1b[2J\\u202e');
    expect(error.detail).toEqual({
      reasonCode: 2,
      description: 'bye\\x1b[2J\\u202e',
      by: 'peer',
    });
  });

  it('is worth a retry when the server only has too many connections', () => {
    expect(disconnectedByPeer(12, '').transient).toBe(true);
    expect(disconnectedByPeer(11, '').transient).toBe(false);
  });

  it.each([0, 16, 0xffff_ffff])('takes a reason that no RFC has: %d', (reasonCode) => {
    const error = disconnectedByPeer(reasonCode, '');
    expect(error.detail.reasonCode).toBe(reasonCode);
    expect(error.message).toContain(String(reasonCode));
  });
});

describe('releasedError', () => {
  it('names the mistake', () => {
    const error = releasedError();
    expect(error.kind).toBe('released');
    expect(error.message).toContain('firstValueFrom(connect(');
    expect(error.transient).toBe(false);
  });
});
