/** What is weak and has to be named, with software that still has it, in both roles. */
import { describe, expect, it } from '@jest/globals';
import type ssh2 from 'ssh2';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import type { Row } from '../../src/crypto/standing.ts';
import { SIGNATURE_ALGORITHMS } from '../../src/keys/signature-algorithms.ts';
import type { AlgorithmOptions } from '../../src/node.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import type { Algorithms, Proposal } from '../../src/transport/negotiation.ts';
import {
  asyncsshClient,
  type Client,
  type ClientRunOptions,
  dbclient,
  openssh,
  paramikoClient,
  plink,
  runClient,
  withKey,
} from '../support/peers/clients.ts';
import { startDropbear } from '../support/peers/dropbear.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import { runOn } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, type PeerName, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh, startParamiko } from '../support/peers/python-server.ts';
import { echoBySsh2 } from '../support/peers/ssh2-client.ts';
import { startSsh2 } from '../support/peers/ssh2-server.ts';

const TIMEOUT_MS = 60_000;

type Category = 'kex' | 'hostKey' | 'cipher' | 'mac';
type Weak = Readonly<Record<Category, readonly string[]>>;

const isWeak = ({ standing }: Row): boolean => standing === 'legacy';
const weakOf = (rows: readonly Row[]): readonly string[] =>
  rows.filter(isWeak).map(({ name }) => name);

/** All that we have, but ssh-dss, for which few have a key: dss-spec has it. */
const WEAK: Weak = {
  kex: weakOf(KEX_METHODS),
  hostKey: weakOf(SIGNATURE_ALGORITHMS).filter((name) => name !== 'ssh-dss'),
  cipher: weakOf(CIPHERS),
  mac: weakOf(MACS),
};
/** A MAC needs a cipher that does not bring its own. */
const CTR = 'aes128-ctr';

/** What is left of all when these are taken out. */
function without(...lacks: readonly RegExp[]): Weak {
  const left = (category: Category): readonly string[] =>
    WEAK[category].filter((name) => !lacks.some((lack) => lack.test(name)));
  return { kex: left('kex'), hostKey: left('hostKey'), cipher: left('cipher'), mac: left('mac') };
}

function casesOf(weak: Weak): readonly (readonly [Category, string])[] {
  return (Object.keys(weak) as Category[]).flatMap((category) =>
    weak[category].map((name) => [category, name] as const),
  );
}

/** The lists in which this one is named, and what goes with it. */
function listsOf(category: Category, name: string): Partial<Proposal> {
  return { [category]: [name], ...(category === 'mac' ? { cipher: [CTR] } : {}) };
}

function agreedOf(algorithms: Algorithms | undefined, category: Category): unknown {
  if (algorithms === undefined) return undefined;
  return category === 'kex' || category === 'hostKey'
    ? algorithms[category]
    : algorithms.clientToServer[category];
}

const PARAMIKO_LACKS = [/blowfish/, /etm/, /rijndael/];
/** Its server wants primes from a file for group exchange. */
const PARAMIKO = without(...PARAMIKO_LACKS, /exchange/);

const SERVERS: readonly {
  readonly name: string;
  readonly peer: PeerName;
  readonly weak: Weak;
  start(lists: Proposal): Promise<Peer>;
}[] = [
  {
    ...{ name: 'paramiko', peer: 'paramiko' },
    weak: PARAMIKO,
    start: (lists) => startParamiko({ algorithms: listsWithin(lists, PARAMIKO) }),
  },
  {
    ...{ name: 'AsyncSSH', peer: 'asyncssh' },
    weak: without(/blowfish-ctr/, /rijndael/),
    start: (lists) =>
      startAsyncssh({ algorithms: listsWithin(lists, without(/blowfish-ctr/, /rijndael/)) }),
  },
];

/** Weak ones of these, and one good one for what is not looked at. */
function listsWithin({ kex, cipher, mac }: Proposal, weak: Weak): Partial<Proposal> {
  return {
    kex: [...kex, ...weak.kex],
    cipher: [...cipher, ...weak.cipher],
    mac: [...mac, ...weak.mac],
  };
}

const GOOD: Proposal = {
  kex: ['ecdh-sha2-nistp256'],
  hostKey: ['ssh-ed25519'],
  cipher: [CTR],
  mac: ['hmac-sha2-256'],
  compression: ['none'],
};

for (const { name: software, peer: needed, weak, start } of SERVERS) {
  describeWithPeer(needed, `${software}, to our client`, () => {
    const peer = usePeer(() => start(GOOD));

    it.each(casesOf(weak))('%s %s', async (category, name) => {
      const algorithms: AlgorithmOptions = listsOf(category, name);
      const result = await runOn(peer(), 'cat', { stdin: name }, { algorithms });
      expect(result.stdout).toBe(name);
    });
  });
}

describe('npm ssh2, to our client', () => {
  const weak = without(/blowfish/, /rijndael/, /-96-etm|md5-etm/);
  const peer = usePeer(() =>
    startSsh2({
      kex: [...GOOD.kex, ...weak.kex],
      cipher: [...GOOD.cipher, ...weak.cipher],
      hmac: [...GOOD.mac, ...weak.mac],
      serverHostKey: [...GOOD.hostKey, ...weak.hostKey],
    } as ssh2.Algorithms),
  );

  // it offers group exchange and cannot do it
  it.each(casesOf(weak).filter(([, name]) => !name.includes('exchange')))(
    '%s %s',
    async (category, name) => {
      const algorithms: AlgorithmOptions = listsOf(category, name);
      const result = await runOn(peer(), 'cat', { stdin: name }, { algorithms });
      expect(result.stdout).toBe(name);
    },
  );
});

describeWithPeer('dropbear', 'Dropbear, to our client', () => {
  const peer = usePeer(() => startDropbear());

  it.each([
    ['kex', 'diffie-hellman-group14-sha1'],
    ['hostKey', 'ssh-rsa'],
    ['mac', 'hmac-sha1'],
  ] as const)('%s %s', async (category, name) => {
    const algorithms: AlgorithmOptions = listsOf(category, name);
    const result = await runOn(peer(), 'cat', { stdin: name }, { algorithms });
    expect(result.stdout).toBe(name);
  });
});

/** Clients, what they have in common with us, and how they are told to use it; those that cannot be told have no choice. */
const CLIENTS: readonly {
  readonly client: Client;
  readonly weak: Weak;
  options(lists: Partial<Proposal>): ClientRunOptions;
}[] = [
  {
    client: openssh,
    weak: without(/blowfish/, /rijndael/),
    options: ({ kex, hostKey, cipher, mac }) => ({
      more: [
        ...(kex === undefined ? [] : ['-o', `KexAlgorithms=${kex.join(',')}`]),
        ...(hostKey === undefined ? [] : ['-o', `HostKeyAlgorithms=${hostKey.join(',')}`]),
        ...(cipher === undefined ? [] : ['-c', cipher.join(',')]),
        ...(mac === undefined ? [] : ['-m', mac.join(',')]),
      ],
    }),
  },
  {
    client: paramikoClient,
    weak: without(...PARAMIKO_LACKS),
    options: (algorithms) => ({ algorithms }),
  },
  {
    client: asyncsshClient,
    weak: without(/blowfish-ctr/, /rijndael/),
    options: (algorithms) => ({ algorithms }),
  },
  {
    client: plink,
    // what it has besides it warns of, and a person would have to agree
    weak: without(/group1-/, /blowfish/, /-96-etm|md5-96|md5-etm/),
    options: () => ({}),
  },
  {
    client: dbclient,
    weak: {
      ...{ kex: ['diffie-hellman-group14-sha1'], hostKey: ['ssh-rsa'] },
      ...{ cipher: [], mac: ['hmac-sha1'] },
    },
    options: () => ({}),
  },
];

for (const { client, weak, options } of CLIENTS) {
  describeWithPeer(client.peer, `${client.name}, to our server`, () => {
    it.each(casesOf(weak))(
      '%s %s',
      async (category, name) => {
        const lists = listsOf(category, name);
        const server = await startOurServer({ algorithms: lists });
        try {
          const stdin = Buffer.from(name);
          const run = await runClient(client, withKey(server), 'cat', { stdin, ...options(lists) });
          expect({ ...run, stdout: run.stdout.toString() }).toMatchObject({
            status: 0,
            stdout: name,
          });
          expect(agreedOf(agreedBy(server), category)).toBe(name);
        } finally {
          await server.stop();
        }
      },
      TIMEOUT_MS,
    );
  });
}

describe('npm ssh2, to our server', () => {
  const weak = without(/blowfish/, /rijndael/, /-96-etm|md5-etm/);
  const algorithms = {
    kex: [...GOOD.kex, ...weak.kex],
    hostKey: [...GOOD.hostKey, ...weak.hostKey],
    cipher: [...GOOD.cipher, ...weak.cipher],
    mac: [...GOOD.mac, ...weak.mac],
  };
  const server = usePeer(() => startOurServer({ algorithms }));
  const FIELDS = { kex: 'kex', hostKey: 'serverHostKey', cipher: 'cipher', mac: 'hmac' } as const;

  it.each(casesOf(weak))('%s %s', async (category, name) => {
    const lists = Object.fromEntries(
      Object.entries(listsOf(category, name)).map(([each, names]) => [
        FIELDS[each as Category],
        names,
      ]),
    ) as ssh2.Algorithms;
    expect(await echoBySsh2(server(), lists)).toBe('an echo');
    expect(agreedOf(agreedBy(server()), category)).toBe(name);
  });
});

function agreedBy({ events }: OurServer): Algorithms | undefined {
  return events
    .flatMap((event) => (event.type === 'handshake' ? [event.handshake.algorithms] : []))
    .at(-1);
}
