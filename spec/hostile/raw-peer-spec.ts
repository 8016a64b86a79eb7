/** The raw peer itself: that it speaks SSH with each of its suites, in both roles, before anything is concluded from it. */
import { describe, expect, it } from '@jest/globals';
import { poly1305 } from '../support/raw-peer/poly1305.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RAW_SUITES, suiteName } from '../support/raw-peer/suites.ts';
import { duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

describe('the raw peer', () => {
  it('computes Poly1305 as in RFC 8439 §2.5.2', () => {
    const key = Buffer.from(
      '85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b',
      'hex',
    );
    const tag = poly1305(key, Buffer.from('Cryptographic Forum Research Group'));
    expect(tag.toString('hex')).toBe('a8061dc1305136c6c22b8baf0c0127a9');
  });

  describe.each(ROLES)('against our %s', (role) => {
    it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
      'speaks %s',
      async (_, suite) => {
        const { subject, peer } = duel({ role }, { suite });
        await peer.session();
        expect((await subject.connected()).transport.handshake.strictKeyExchange).toBe(true);
        expect(await peer.barrier()).toEqual([]);
        subject.stop();
        await peer.expectDisconnect(11);
      },
    );

    it('does without strict key exchange', async () => {
      const { subject, peer } = duel({ role }, { strict: false });
      await peer.session();
      expect((await subject.connected()).transport.handshake.strictKeyExchange).toBe(false);
      expect(await peer.barrier()).toEqual([]);
      subject.stop();
    });
  });

  it.each(['none', 'publickey', { password: 'right' }] as const)('logs in by %j', async (how) => {
    const { subject, peer } = duel({ role: 'server' });
    await peer.handshake();
    await peer.login(how);
    await subject.connected();
    subject.stop();
  });

  it('is told when the login fails', async () => {
    const { subject, peer } = duel({ role: 'server' });
    await peer.handshake();
    await peer.requestService();
    peer.send(message.password('wrong'));
    await peer.expect(message.Msg.AUTH_FAILURE);
    subject.stop();
  });

  it('opens channels and sees them echo', () => expectAlive());
});
