/** Rows T1 and T2: lines before the identification, and the identification itself (RFC 4253 §4.2). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

/** Our end has let go: one error of the protocol, and nothing of the application was called. */
async function expectRefused({ peer, subject }: Duel): Promise<void> {
  await peer.readIdentification();
  await peer.readKexInit();
  await peer.expectEnd();
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
  expect(subject.userCode).toEqual([]);
}

afterEach(expectAlive);

describe('T1: lines before the identification', () => {
  it.each(['hi\r\n', 'GET / HTTP/1.1\r\n', '\n', 'SSH', 'SSH-2.0-'.toLowerCase()])(
    'a server takes none: %j',
    async (line) => {
      const situation = duel({ role: 'server' });
      situation.peer.sendBytes(line);
      if (line === 'SSH') situation.peer.sendBytes('\n');
      else situation.peer.sendBytes('SSH-2.0-x\r\n');
      await expectRefused(situation);
    },
  );

  it('a client takes 1024 of them', async () => {
    const { peer, subject } = duel({ role: 'client' });
    peer.sendBytes('before\r\n'.repeat(1024));
    await peer.handshake();
    await subject.opened();
    subject.stop();
  });

  it('a client does not take 1025', async () => {
    const situation = duel({ role: 'client' });
    situation.peer.sendBytes('before\r\n'.repeat(1025));
    await expectRefused(situation);
  });

  it('a client takes one of 8192 bytes', async () => {
    const { peer, subject } = duel({ role: 'client' });
    peer.sendBytes(`${'x'.repeat(8192)}\n`);
    await peer.handshake();
    await subject.opened();
    subject.stop();
  });

  it('a client gives up at the 8193rd byte of one, without its end', async () => {
    const { peer, subject } = duel({ role: 'client' });
    peer.sendBytes('x'.repeat(8192));
    await peer.readIdentification();
    await peer.readKexInit();
    expect(peer.take()).toBeUndefined();
    expect(subject.errors).toEqual([]);
    peer.sendBytes('x');
    await peer.expectEnd();
    expect((await subject.ended()).message).toContain('8192');
  });

  it.each(ROLES)('one byte a write does for a %s', async (role) => {
    const { peer, subject } = duel({ role });
    const line = `${role === 'client' ? 'before\r\n' : ''}${peer.identification.toString()}\r\n`;
    for (const character of line) peer.sendBytes(character);
    await peer.readIdentification();
    await peer.exchange();
    await subject.opened();
    subject.stop();
  });
});

describe.each(ROLES)('T2: the identification that our %s takes', (role) => {
  const latin1 = String.fromCharCode(...Array.from({ length: 128 }, (_, at) => 0x80 + at));

  it.each([
    ['any byte from 0x80 on and spaces in its comment', `SSH-2.0-raw_1 ${latin1} a  b `],
    ['253 characters', `SSH-2.0-${'x'.repeat(245)}`],
    ['a minus sign in the version', 'SSH-2.0-raw-1.0-beta'],
    ['no software version', 'SSH-2.0-'],
    ['control characters', 'SSH-2.0-raw\x1b[2J\x07'],
  ])('has %s: the exchange hash is over its very bytes', async (_, identification) => {
    const { peer, subject } = duel({ role }, { identification });
    await peer.session();
    const { handshake } = (await subject.connected()).transport;
    // what is shown of it cannot move a cursor
    expect(handshake.peerIdentification).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    subject.stop();
  });

  it('ends in a bare LF', async () => {
    const { peer, subject } = duel({ role });
    peer.identify('\n');
    await peer.readIdentification();
    await peer.exchange();
    await subject.opened();
    subject.stop();
  });

  it.each([
    ['is of version 1.5', 'SSH-1.5-HALLO'],
    ['is of version 2.1', 'SSH-2.1-x'],
    ['has no version', 'SSH-'],
    ['has no second minus sign', 'SSH-2.0'],
    ['has a NUL', 'SSH-2.0-a\0b'],
    ['has 254 characters', `SSH-2.0-${'x'.repeat(246)}`],
  ])('is refused when it %s', async (_, identification) => {
    const situation = duel({ role }, { identification });
    situation.peer.identify();
    await expectRefused(situation);
  });

  it('is refused past its length without waiting for its end', async () => {
    const situation = duel({ role });
    situation.peer.sendBytes(`SSH-2.0-${'x'.repeat(300)}`);
    await expectRefused(situation);
  });

  it(role === 'client' ? 'may be 1.99' : 'may not be 1.99', async () => {
    const situation = duel({ role }, { identification: 'SSH-1.99-raw' });
    if (role === 'server') {
      situation.peer.identify();
      await expectRefused(situation);
      return;
    }
    await situation.peer.session();
    expect((await situation.subject.connected()).transport.ended).toBeUndefined();
    situation.subject.stop();
  });
});
