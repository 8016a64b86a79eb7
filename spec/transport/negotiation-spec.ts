/** Choosing algorithms (RFC 4253 §7.1): by example, and against the rule written once more. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import type { KexInit } from '../../src/messages/transport.ts';
import {
  asksExtInfo,
  asksStrict,
  buildKexInit,
  negotiate,
  type Negotiation,
  type Proposal,
} from '../../src/transport/negotiation.ts';
import type { Role } from '../../src/transport/role.ts';

const MARKERS = [
  'ext-info-c',
  'ext-info-s',
  'kex-strict-c-v00@openssh.com',
  'kex-strict-s-v00@openssh.com',
];
const base: Proposal = {
  kex: ['kex-a', 'kex-b'],
  hostKey: ['key-a', 'key-b'],
  cipher: ['plain-a', 'plain-b', 'aead-a'],
  mac: ['mac-a', 'mac-b'],
  compression: ['none'],
};

function initOf(role: Role, more: Partial<Proposal> = {}, initial = true): KexInit {
  return buildKexInit(role, { ...base, ...more }, new Uint8Array(16), initial);
}

const isAead = (cipher: string): boolean => cipher.startsWith('aead');

function asClient(ours: KexInit, theirs: KexInit): Negotiation {
  return negotiate('client', ours, theirs, isAead);
}

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return isSshError(error, 'key-exchange') ? error.detail.failure : error;
  }
  return undefined;
}

describe('negotiate', () => {
  it('takes what the client prefers, whatever the server prefers', () => {
    const client = initOf('client', { kex: ['kex-b', 'kex-a'], cipher: ['plain-b', 'plain-a'] });
    const server = initOf('server', { kex: ['kex-a', 'kex-b'], cipher: ['plain-a', 'plain-b'] });
    const { algorithms } = asClient(client, server);
    expect(algorithms).toEqual({
      kex: 'kex-b',
      hostKey: 'key-a',
      clientToServer: { cipher: 'plain-b', mac: 'mac-a', compression: 'none' },
      serverToClient: { cipher: 'plain-b', mac: 'mac-a', compression: 'none' },
    });
  });

  it('comes to the same at both ends', () => {
    const client = initOf('client', { kex: ['kex-b', 'kex-a'], mac: ['mac-b'] });
    const server = initOf('server', { hostKey: ['key-b'] });
    expect(negotiate('server', server, client, isAead).algorithms).toEqual(
      asClient(client, server).algorithms,
    );
  });

  it('chooses for each direction by itself', () => {
    const client = { ...initOf('client'), encryptionServerToClient: ['aead-a', 'plain-a'] };
    const { algorithms } = asClient(client, initOf('server'));
    expect(algorithms.clientToServer).toMatchObject({ cipher: 'plain-a', mac: 'mac-a' });
    expect(algorithms.serverToClient).toMatchObject({ cipher: 'aead-a', mac: '' });
  });

  it('never chooses a marker, even when it is all that both have', () => {
    const marked = (role: Role): KexInit => ({ ...initOf(role), kexAlgorithms: MARKERS });
    expect(failureOf(() => asClient(marked('client'), marked('server')))).toEqual({
      category: 'key exchange',
      ours: [],
      theirs: [],
    });
  });

  it.each(MARKERS)('looks behind %s for the first name in common', (marker) => {
    const client = { ...initOf('client'), kexAlgorithms: [marker, 'kex-b'] };
    const server = { ...initOf('server'), kexAlgorithms: [marker, 'kex-a', 'kex-b'] };
    expect(asClient(client, server).algorithms.kex).toBe('kex-b');
  });

  it('needs no MAC for an AEAD, not even one on the list', () => {
    const more = { cipher: ['aead-a'], mac: [] };
    const { algorithms } = asClient(initOf('client', more), initOf('server', more));
    expect(algorithms.clientToServer).toEqual({ cipher: 'aead-a', mac: '', compression: 'none' });
  });

  it('needs a MAC for every other cipher', () => {
    const more = { cipher: ['plain-a'], mac: [] };
    expect(failureOf(() => asClient(initOf('client', more), initOf('server')))).toEqual({
      category: 'MAC client to server',
      ours: [],
      theirs: ['mac-a', 'mac-b'],
    });
  });

  const categories: readonly {
    category: string;
    of: Partial<KexInit>;
    theirs: readonly string[];
  }[] = [
    { category: 'key exchange', of: { kexAlgorithms: ['x'] }, theirs: base.kex },
    { category: 'host key', of: { serverHostKeyAlgorithms: ['x'] }, theirs: base.hostKey },
    {
      category: 'cipher client to server',
      of: { encryptionClientToServer: ['x'] },
      theirs: base.cipher,
    },
    {
      category: 'cipher server to client',
      of: { encryptionServerToClient: ['x'] },
      theirs: base.cipher,
    },
    { category: 'MAC client to server', of: { macClientToServer: ['x'] }, theirs: base.mac },
    { category: 'MAC server to client', of: { macServerToClient: ['x'] }, theirs: base.mac },
    {
      category: 'compression client to server',
      of: { compressionClientToServer: ['x'] },
      theirs: base.compression,
    },
    {
      category: 'compression server to client',
      of: { compressionServerToClient: ['x'] },
      theirs: base.compression,
    },
  ];
  it.each(categories)('says both lists when there is no $category', ({ category, of, theirs }) => {
    const failure = { category, ours: ['x'], theirs };
    expect(failureOf(() => asClient({ ...initOf('client'), ...of }, initOf('server')))).toEqual(
      failure,
    );
    expect(
      failureOf(() =>
        negotiate('server', initOf('server'), { ...initOf('client'), ...of }, isAead),
      ),
    ).toEqual({ category, ours: theirs, theirs: ['x'] });
  });

  it('K18: is the first name of the client that the server has, for any lists', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', ...MARKERS));
    fc.assert(
      fc.property(names, names, (clients, servers) => {
        const client = { ...initOf('client'), kexAlgorithms: clients };
        const server = { ...initOf('server'), kexAlgorithms: servers };
        const common = clients.filter((name) => name.length === 1 && servers.includes(name));
        const [expected] = common;
        if (expected === undefined) {
          expect(() => asClient(client, server)).toThrow('no key exchange algorithm in common');
        } else {
          expect(asClient(client, server).algorithms.kex).toBe(expected);
        }
      }),
    );
  });
});

describe('a guess of the peer', () => {
  const guessing = (more: Partial<KexInit>): KexInit => ({
    ...initOf('client'),
    firstKexPacketFollows: true,
    ...more,
  });
  it.each([
    { what: 'right', more: {}, isIgnored: false },
    { what: 'wrong in the key exchange', more: { kexAlgorithms: ['kex-b'] }, isIgnored: true },
    {
      what: 'wrong in the host key',
      more: { serverHostKeyAlgorithms: ['key-b', 'key-a'] },
      isIgnored: true,
    },
    {
      what: 'right where only the ciphers differ',
      more: { encryptionClientToServer: ['plain-b'] },
      isIgnored: false,
    },
    {
      what: 'none',
      more: { firstKexPacketFollows: false, kexAlgorithms: ['kex-b'] },
      isIgnored: false,
    },
  ])('$what', ({ more, isIgnored }) => {
    expect(negotiate('server', initOf('server'), guessing(more), isAead).ignoreGuess).toBe(
      isIgnored,
    );
  });

  it('is never one of ours', () => {
    expect(initOf('client').firstKexPacketFollows).toBe(false);
    expect(initOf('server').firstKexPacketFollows).toBe(false);
  });
});

describe('the markers', () => {
  it.each([
    { role: 'client', ours: ['ext-info-c', 'kex-strict-c-v00@openssh.com'] },
    { role: 'server', ours: ['ext-info-s', 'kex-strict-s-v00@openssh.com'] },
  ] as const)('of a $role stand behind its names, in its first KEXINIT only', ({ role, ours }) => {
    expect(initOf(role).kexAlgorithms).toEqual([...base.kex, ...ours]);
    expect(initOf(role, {}, false).kexAlgorithms).toEqual(base.kex);
  });

  it('count when they are those of the other side', () => {
    expect(asksStrict(initOf('server'), 'client')).toBe(true);
    expect(asksStrict(initOf('client'), 'server')).toBe(true);
    expect(asksExtInfo(initOf('server'), 'client')).toBe(true);
    expect(asksExtInfo(initOf('client'), 'server')).toBe(true);
    // one that sends our own marker back has not asked for anything
    expect(asksStrict(initOf('client'), 'client')).toBe(false);
    expect(asksStrict(initOf('server'), 'server')).toBe(false);
    expect(asksExtInfo(initOf('client'), 'client')).toBe(false);
    expect(asksExtInfo(initOf('server'), 'server')).toBe(false);
  });
});
