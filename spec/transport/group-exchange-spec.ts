/** Group exchange without a wire: which group a server gives, which one a client takes, and in what order things are said. */
import { describe, expect, it } from '@jest/globals';
import { bitLength } from '../../src/crypto/integers.ts';
import { modpGroup } from '../../src/crypto/modp.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { ModpGroup } from '../../src/crypto/provider.ts';
import type { KexMessage } from '../../src/messages/kex.ts';
import {
  chooseGroup,
  DEFAULT_GROUP_EXCHANGE,
  GROUP_EXCHANGE,
} from '../../src/transport/group-exchange.ts';
import type { ClientKexMethod, KexMethodContext } from '../../src/transport/kex-method.ts';
import { reasonOf } from '../contract/crypto-key-exchange.ts';

/** Odd numbers of so many bits, which are told apart by `mark`; nobody raises anything to a power in them. */
function oddGroup(bits: number, mark = 0n): ModpGroup {
  return { p: (1n << BigInt(bits - 1)) + 2n * mark + 1n, g: 5n };
}

function context(cipher = 'aes128-ctr', more: Partial<KexMethodContext> = {}): KexMethodContext {
  const direction = { cipher, mac: '', compression: 'none' };
  return {
    provider: nodeProvider,
    algorithms: { kex: '', hostKey: '', clientToServer: direction, serverToClient: direction },
    groupExchange: DEFAULT_GROUP_EXCHANGE,
    ...more,
  };
}

/** A provider with which nothing can be raised to a power. */
const lazy = {
  ...nodeProvider,
  modp: () => {
    throw new Error('this was to be refused before any work');
  },
};

function sizes(min: number, preferred: number, max: number): KexMessage {
  return { type: 'KEX_DH_GEX_REQUEST', min, preferred, max };
}

describe('the group that a server gives', () => {
  const bitsOf = (
    min: number,
    preferred: number,
    max: number,
    moduli: readonly ModpGroup[] = [],
  ): number =>
    bitLength(
      chooseGroup({ min, preferred, max }, { moduli, maxModulusBits: 4096 }, nodeProvider).p,
    );

  it.each([
    [2048, 2048, 8192, 2048],
    [2048, 2049, 8192, 3072],
    [2048, 3072, 8192, 3072],
    [2048, 4096, 8192, 4096],
    [2048, 7680, 8192, 4096],
    [1024, 1024, 8192, 2048],
    [2048, 4000, 4000, 3072],
    [4096, 8192, 8192, 4096],
  ])('for %d, %d, %d has %d bits', (min, preferred, max, bits) => {
    expect(bitsOf(min, preferred, max)).toBe(bits);
  });

  it('may be one of a file, as far as the limit allows', () => {
    expect(bitsOf(2048, 2100, 8192, [oddGroup(2560), oddGroup(7680)])).toBe(2560);
    expect(bitsOf(2048, 7680, 8192, [oddGroup(2560), oddGroup(7680)])).toBe(4096);
  });

  it('is drawn by lot among those of one size', () => {
    const moduli = Array.from({ length: 4 }, (_, at) => oddGroup(2560, BigInt(at)));
    const drawn = new Set<bigint>();
    for (let at = 0; at < 8; at++) {
      const randomBytes = (): Uint8Array => Uint8Array.of(0, at);
      const wanted = { min: 2560, preferred: 2560, max: 2560 };
      drawn.add(chooseGroup(wanted, { moduli, maxModulusBits: 4096 }, { randomBytes }).p);
    }
    expect(drawn.size).toBe(4);
  });

  it.each([
    [0, 0, 0],
    [4096, 2048, 8192],
    [2048, 8192, 4096],
    [9000, 9000, 9000],
    [8192, 8192, 8192],
    [1024, 1024, 1024],
    [2049, 2049, 2049],
    [0xffff_ffff, 0xffff_ffff, 0xffff_ffff],
  ])('K2: is refused for %d, %d, %d, before any work', (min, preferred, max) => {
    const method = GROUP_EXCHANGE.server(context('aes128-ctr', { provider: lazy }));
    expect(reasonOf(() => method.receive(sizes(min, preferred, max)))).toBe(3);
  });
});

describe('the group that a client takes', () => {
  const given = (method: ClientKexMethod, { p, g }: ModpGroup): unknown =>
    method.receive({ type: 'KEX_DH_GEX_GROUP', p, g });
  const { p } = modpGroup(2048);

  it.each([
    ['1024 bits', oddGroup(1024)],
    ['2047 bits', oddGroup(2047)],
    ['8193 bits', oddGroup(8193)],
    ['16384 bits', oddGroup(16384)],
    ['an even p', { p: p - 1n, g: 2n }],
    ['no p', { p: 0n, g: 2n }],
    ['a negative p', { p: -p, g: 2n }],
    ['g of 0', { p, g: 0n }],
    ['g of 1', { p, g: 1n }],
    ['g of p - 1', { p, g: p - 1n }],
    ['g beyond p', { p, g: p + 2n }],
    ['a negative g', { p, g: -2n }],
  ])('K2: has not %s, and no work is done', (_, group) => {
    const method = GROUP_EXCHANGE.client(context('aes128-ctr', { provider: lazy }));
    expect(reasonOf(() => given(method, group))).toBe(3);
  });

  it.each([
    ['aes128-gcm@openssh.com', 3072],
    ['aes192-ctr', 7680],
    ['aes256-ctr', 8192],
    ['chacha20-poly1305@openssh.com', 8192],
  ])('with %s is best of %d bits', (cipher, preferred) => {
    expect(GROUP_EXCHANGE.client(context(cipher)).first).toEqual(sizes(2048, preferred, 8192));
  });

  it('is as strong as the stronger direction', () => {
    const weak = context('aes128-ctr');
    const algorithms = {
      ...weak.algorithms,
      serverToClient: { ...weak.algorithms.serverToClient, cipher: 'aes256-ctr' },
    };
    expect(GROUP_EXCHANGE.client({ ...weak, algorithms }).first).toHaveProperty('preferred', 8192);
  });
});

describe('what is said', () => {
  const server = () => GROUP_EXCHANGE.server(context());
  const value = new Uint8Array(256).fill(0x55);

  it.each<KexMessage>([
    { type: 'KEX_DH_GEX_INIT', clientPublicKey: value },
    { type: 'KEX_DH_GEX_GROUP', ...modpGroup(2048) },
    { type: 'KEX_DH_GEX_REPLY', hostKey: value, serverPublicKey: value, signature: value },
  ])('to a server first is no $type', (message) => {
    expect(reasonOf(() => server().receive(message))).toBe(2);
  });

  it('to a server is no second request', () => {
    const method = server();
    method.receive(sizes(2048, 2048, 8192));
    expect(reasonOf(() => method.receive(sizes(2048, 2048, 8192)))).toBe(2);
  });

  it('to a client is no reply before the group, and no second group', () => {
    const reply: KexMessage = {
      ...{ type: 'KEX_DH_GEX_REPLY', hostKey: value },
      ...{ serverPublicKey: value, signature: value },
    };
    expect(reasonOf(() => GROUP_EXCHANGE.client(context()).receive(reply))).toBe(2);
    const method = GROUP_EXCHANGE.client(context());
    const group: KexMessage = { type: 'KEX_DH_GEX_GROUP', ...modpGroup(2048) };
    method.receive(group);
    expect(reasonOf(() => method.receive(group))).toBe(2);
  });
});
