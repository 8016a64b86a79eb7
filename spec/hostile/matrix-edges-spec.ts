/** The two ends of the matrix, where a message is nothing yet (S0, S1) or nothing any more (S13), for both roles. */
import { describe, expect, it } from '@jest/globals';
import * as message from '../support/raw-peer/messages.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import { wellFormed } from '../support/raw-peer/shapes.ts';
import { duel, type Duel, ROLES } from '../support/raw-peer/subject.ts';

const NUMBERS = Array.from({ length: 256 }, (_, number) => number);

/** Numbers for which `judge` says something else than `undefined`. */
async function exceptions(
  judge: (number: number) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const number of NUMBERS) {
    const verdict = await judge(number);
    if (verdict !== undefined) found.push(`${number}: ${verdict}`);
  }
  return found;
}

/** A packet in the clear, whatever the keys are. */
function plainPacket({ peer }: Duel, number: number): Buffer {
  return peer.packet(wellFormed(number, peer, 0));
}

describe('S0: a packet before the identification', () => {
  it('is the end of a client, without a word', async () => {
    const found = await exceptions(async (number) => {
      const situation = duel({ role: 'server' });
      const { peer, subject } = situation;
      peer.sendBytes(plainPacket(situation, number));
      await peer.readIdentification();
      await peer.readKexInit();
      await peer.expectEnd();
      const error = await subject.ended();
      return error.kind === 'protocol' && subject.userCode.length === 0 ? undefined : error.kind;
    });
    expect(found).toEqual([]);
  });

  it('is a line like others to a client, and the handshake goes on behind it', async () => {
    const found = await exceptions(async (number) => {
      const situation = duel({ role: 'client' });
      const { peer, subject } = situation;
      peer.sendBytes(plainPacket(situation, number));
      peer.sendBytes('\r\n');
      await peer.handshake();
      await subject.opened();
      subject.stop();
      return subject.errors.length === 0 ? undefined : 'an error';
    });
    expect(found).toEqual([]);
  });
});

describe.each(ROLES)('S1: a packet within the identification of the peer of our %s', (role) => {
  it('is the end', async () => {
    const found = await exceptions(async (number) => {
      const situation = duel({ role });
      const { peer, subject } = situation;
      peer.sendBytes('SSH-2.0-');
      // the zeros of packet_length are no text
      peer.sendBytes(plainPacket(situation, number));
      peer.sendBytes('\r\n');
      await peer.readIdentification();
      await peer.readKexInit();
      await peer.expectEnd();
      const error = await subject.ended();
      return error.kind === 'protocol' && subject.userCode.length === 0 ? undefined : error.kind;
    });
    expect(found).toEqual([]);
  });
});

describe.each(ROLES)('S13: our %s after a DISCONNECT', (role) => {
  it('of the peer says and does nothing any more', async () => {
    const found = await exceptions(async (number) => {
      const { peer, subject } = duel({ role });
      await peer.session();
      await subject.connected();
      const before = [...subject.userCode];
      const glued = [peer.seal(message.disconnect()), peer.seal(wellFormed(number, peer, 0))];
      peer.sendBytes(Buffer.concat(glued));
      await peer.expectEnd();
      peer.send(wellFormed(number, peer, 0));
      await settled(peer);
      const error = await subject.ended();
      const isSilent = peer.take() === undefined && subject.errors.length === 1;
      const isUntouched = subject.userCode.join() === before.join();
      return isSilent && isUntouched && error.kind === 'disconnect' ? undefined : error.message;
    });
    expect(found).toEqual([]);
  });

  it('of its own says and does nothing any more', async () => {
    const found = await exceptions(async (number) => {
      const { peer, subject } = duel({ role });
      await peer.session();
      await subject.connected();
      const before = [...subject.userCode];
      subject.transport?.disconnect();
      peer.send(wellFormed(number, peer, 0));
      await peer.expectDisconnect(11);
      peer.send(wellFormed(number, peer, 0));
      await settled(peer);
      const isSilent = peer.take() === undefined && subject.errors.length === 1;
      return isSilent && subject.userCode.join() === before.join() ? undefined : 'a reaction';
    });
    expect(found).toEqual([]);
  });
});
