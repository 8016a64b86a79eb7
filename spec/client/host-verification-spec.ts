import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, from, NEVER, of, Subject, throwError } from 'rxjs';
import {
  HostVerification,
  type HostKeyPolicy,
  type KnownHostsStore,
} from '../../src/client/host-verification.ts';
import { isSshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import {
  formatKnownHostsLine,
  joinKnownHosts,
  parseKnownHosts,
} from '../../src/keys/known-hosts.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import type { PublicKey } from '../../src/keys/public-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { allOf, closeEmbedded, connected, embedded, respond, turn } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';
import { hostKey } from '../support/transports.ts';

afterEach(closeEmbedded);

const ours = hostKey.publicKey;
const other = generatePrivateKey('ed25519').publicKey;
const ecdsa = generatePrivateKey('ecdsa');

/** A store in memory. */
function storeOf(text: string): KnownHostsStore & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    load: () => of(joinKnownHosts([parseKnownHosts([text, ...lines].join('\n'), 'known_hosts')])),
    add: (line) => {
      lines.push(line);
      return of(undefined);
    },
  };
}

function lineOf(key: PublicKey, host = 'db1', port = 22): string {
  return formatKnownHostsLine(host, port, key);
}

/** Connects with a policy: `client`, or what it errored with. */
async function trial(
  policy: HostKeyPolicy,
  store: KnownHostsStore,
  hostKeys: readonly Signer[] = [hostKey],
): Promise<unknown> {
  let passwords = 0;
  const { client$, types } = embedded((session) => respond(session, {}), {
    client: {
      hostKeys: policy,
      knownHosts: store,
      password: () => {
        passwords++;
        return 'secret';
      },
    },
    server: { hostKeys },
  });
  const first: unknown = await connected(client$).then(
    () => 'client',
    (error: unknown) => error,
  );
  if (first !== 'client') {
    await turn();
    // nothing secret is sent before the key is accepted
    expect([passwords, types().includes('authenticated')]).toEqual([0, false]);
  }
  await closeEmbedded();
  return first;
}

function reasonOf(error: unknown): unknown {
  if (!isSshError(error, 'host-key')) return error;
  const { reason, file, line } = error.detail;
  return file === undefined ? reason : [reason, file, line];
}

const strict: HostKeyPolicy = { policy: 'strict' };
const acceptNew: HostKeyPolicy = { policy: 'accept-new' };
const no: HostKeyPolicy = { policy: 'no', warn: () => undefined };
const ask = (answer: boolean): HostKeyPolicy => ({ policy: 'ask', ask: () => of(answer) });

describe('a host key', () => {
  const policies = { strict, acceptNew, ask: ask(true), no };

  it.each(Object.keys(policies) as (keyof typeof policies)[])(
    'that is known is accepted by %s',
    async (name) => {
      const store = storeOf(`# a comment\n${lineOf(ours)}\n`);
      expect(await trial(policies[name], store)).toBe('client');
      expect(store.lines).toEqual([]);
    },
  );

  it.each(Object.keys(policies) as (keyof typeof policies)[])(
    'that has changed is refused by %s, with file and line',
    async (name) => {
      expect(reasonOf(await trial(policies[name], storeOf(`\n${lineOf(other)}`)))).toEqual([
        'changed',
        'known_hosts',
        2,
      ]);
    },
  );

  it.each(Object.keys(policies) as (keyof typeof policies)[])(
    'F6: of another type than the known one is refused by %s',
    async (name) => {
      expect(reasonOf(await trial(policies[name], storeOf(lineOf(ecdsa.publicKey))))).toEqual([
        'changed',
        'known_hosts',
        1,
      ]);
    },
  );

  it.each(Object.keys(policies) as (keyof typeof policies)[])(
    'that is revoked is refused by %s',
    async (name) => {
      const text = `${lineOf(ours)}\n@revoked * ${ours.type} ${Buffer.from(ours.blob).toString('base64')}`;
      expect(reasonOf(await trial(policies[name], storeOf(text)))).toEqual([
        'revoked',
        'known_hosts',
        2,
      ]);
    },
  );

  it.each(Object.keys(policies) as (keyof typeof policies)[])(
    'of a host with an authority is refused by %s',
    async (name) => {
      const text = `@cert-authority db1 ${other.type} ${Buffer.from(other.blob).toString('base64')}`;
      expect(reasonOf(await trial(policies[name], storeOf(text)))).toEqual([
        'rejected',
        'known_hosts',
        1,
      ]);
    },
  );

  it('of an unknown host is refused by strict, and its fingerprint told', async () => {
    const error = await trial(strict, storeOf(''));
    expect(isSshError(error, 'host-key') && error.detail).toEqual({
      reason: 'unknown',
      host: 'db1',
      algorithm: 'ssh-ed25519',
      fingerprint: fingerprint(ours),
    });
  });

  it('of a host that is known at another port is unknown', async () => {
    expect(reasonOf(await trial(strict, storeOf(lineOf(ours, 'db1', 2222))))).toBe('unknown');
  });

  it('of an unknown host is added by accept-new, and known from then on', async () => {
    const store = storeOf('');
    expect(await trial(acceptNew, store)).toBe('client');
    expect(store.lines).toEqual([lineOf(ours)]);
    expect(await trial(strict, store)).toBe('client');
    expect(store.lines).toHaveLength(1);
  });

  it('is added hashed where that was asked for', async () => {
    const store = storeOf('');
    await trial({ policy: 'accept-new', hash: true }, store);
    expect(store.lines[0]).toMatch(/^\|1\|/);
    expect(await trial(strict, store)).toBe('client');
  });

  it('F7: that cannot be added is refused', async () => {
    const store: KnownHostsStore = {
      ...storeOf(''),
      add: () => throwError(() => new Error('disk full')),
    };
    const error = await trial(acceptNew, store);
    expect([reasonOf(error), (error as Error).message]).toEqual([
      'rejected',
      expect.stringContaining('disk full'),
    ]);
  });

  it('is asked about with its facts, and added at a yes', async () => {
    const questions: unknown[] = [];
    const store = storeOf('');
    const policy: HostKeyPolicy = {
      policy: 'ask',
      ask: ({ host, port, fingerprint: print }) => {
        questions.push([host, port, print]);
        return Promise.resolve(true);
      },
    };
    expect(await trial(policy, store)).toBe('client');
    expect([questions, store.lines]).toEqual([[['db1', 22, fingerprint(ours)]], [lineOf(ours)]]);
  });

  it.each<[string, () => ReturnType<Extract<HostKeyPolicy, { policy: 'ask' }>['ask']>]>([
    ['no', () => of(false)],
    ['nothing', () => []],
    ['something that is no boolean', () => of('yes' as unknown as boolean)],
    ['an error', () => throwError(() => new Error('nobody there'))],
    ['a rejection', () => Promise.reject(new Error('nobody there'))],
    [
      'a throw',
      () => {
        throw new Error('nobody there');
      },
    ],
    ['no, and then yes', () => of(false, true)],
  ])('is refused at %s', async (_what, answer) => {
    const store = storeOf('');
    expect(reasonOf(await trial({ policy: 'ask', ask: answer }, store))).toBe('rejected');
    expect(store.lines).toEqual([]);
  });

  it('waits for the answer however long it takes, and is not asked about for others', async () => {
    const answer = new Subject<boolean>();
    const seen = trial({ policy: 'ask', ask: () => answer }, storeOf(''));
    await turn();
    answer.next(true);
    expect(await seen).toBe('client');
  });

  it('that is pinned is accepted without known_hosts, and any other refused', async () => {
    const store: KnownHostsStore = {
      load: () => throwError(() => new Error('not to be read')),
      add: () => NEVER,
    };
    expect(
      await trial({ policy: 'pinned', fingerprints: ['SHA256:x', fingerprint(ours)] }, store),
    ).toBe('client');
    for (const fingerprints of [[], [fingerprint(other)]]) {
      expect(reasonOf(await trial({ policy: 'pinned', fingerprints }, store))).toBe('rejected');
    }
  });

  it('is trusted by no policy that there is none of, known or not', async () => {
    const policy = { policy: 'pined', fingerprints: [] } as unknown as HostKeyPolicy;
    for (const lines of ['', lineOf(ours)]) {
      expect(await trial(policy, storeOf(lines))).toMatchObject({
        kind: 'config',
        detail: { option: 'hostKeys.policy' },
      });
    }
  });

  it('of an unknown host is accepted by no, with a warning, and not added', async () => {
    const warned: string[] = [];
    const store = storeOf('');
    expect(
      await trial({ policy: 'no', warn: ({ fingerprint: print }) => warned.push(print) }, store),
    ).toBe('client');
    expect([warned, store.lines]).toEqual([[fingerprint(ours)], []]);
  });

  it('is refused for a line that cannot be read, and says what is wrong with it', async () => {
    const error = await trial(acceptNew, storeOf('# ours\ndb1 ssh-ed25519 AAAA!!'));
    expect(reasonOf(error)).toEqual(['rejected', 'known_hosts', 2]);
    expect(isSshError(error) && error.message).toMatch(
      /a line of known_hosts cannot be read, .*base64.* \(known_hosts:2\)$/,
    );
  });

  it('F7: is refused when known hosts cannot be read, before anything is said', async () => {
    const error = await trial(acceptNew, {
      ...storeOf(''),
      load: () => Promise.reject(new Error('EIO')),
    });
    expect(isSshError(error, 'config') && [error.message, error.detail.option]).toEqual([
      expect.stringContaining('EIO'),
      'knownHosts',
    ]);
  });
});

describe('a rekey', () => {
  function verification(): HostVerification {
    return new HostVerification(
      'db1',
      22,
      { policy: 'ask', ask: () => of(true) },
      storeOf(''),
      joinKnownHosts([]),
    );
  }
  const claim = (key: PublicKey) => ({ key, algorithm: 'ssh-ed25519' });

  it('with the same key is not asked about again', async () => {
    let asked = 0;
    const judge = new HostVerification(
      'db1',
      22,
      { policy: 'ask', ask: () => from([asked++ === 0]) },
      storeOf(''),
      joinKnownHosts([]),
    );
    await firstValueFrom(judge.verify(claim(ours)));
    expect([await firstValueFrom(judge.verify(claim(ours))), asked]).toEqual([true, 1]);
  });

  it('with another key is refused, whoever would accept it', async () => {
    const judge = verification();
    await firstValueFrom(judge.verify(claim(ours)));
    expect((await allOf(judge.verify(claim(other)))).map(reasonOf)).toEqual(['changed']);
  });

  it('on a live connection goes by the key of the first exchange', async () => {
    const { client$ } = embedded((session) => respond(session, { stdout: 'x' }), {
      client: { hostKeys: acceptNew, knownHosts: storeOf('') },
    });
    const client = await connected(client$);
    expect((await allOf(client.rekey())).map(comparable)).toEqual(['complete']);
    expect((await client.run('x')).stdout).toBe('x');
  });
});

describe('a refusal', () => {
  it.each([
    [22, 'of db1 is not trusted'],
    [2222, 'of [db1]:2222 is not trusted'],
  ])('names the host as known_hosts does, at port %d', async (port, text) => {
    const none = joinKnownHosts([]);
    const judge = new HostVerification('db1', port, strict, storeOf(''), none);
    const refused = firstValueFrom(judge.verify({ key: ours, algorithm: 'ssh-ed25519' }));
    await expect(refused).rejects.toThrow(text);
  });
});

describe('the algorithms that are offered', () => {
  const names = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'];

  function ordered(text: string, policy: HostKeyPolicy = strict): readonly string[] {
    return new HostVerification(
      'db1',
      22,
      policy,
      storeOf(''),
      joinKnownHosts([parseKnownHosts(text, 'f')]),
    ).orderAlgorithms(names);
  }

  it('begin with those of the known keys, each group in its order', () => {
    expect(ordered('')).toEqual(names);
    expect(ordered(lineOf(ecdsa.publicKey))).toEqual([
      'ecdsa-sha2-nistp256',
      'ssh-ed25519',
      'rsa-sha2-512',
      'rsa-sha2-256',
    ]);
    expect(ordered('db1 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDBZ8VxPnXx').slice(0, 2)).toEqual([
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
    ]);
  });

  it('are as they were for other hosts, and for pinned keys', () => {
    expect(ordered(lineOf(ecdsa.publicKey, 'db2'))).toEqual(names);
    expect(ordered(lineOf(ecdsa.publicKey), { policy: 'pinned', fingerprints: [] })).toEqual(names);
  });

  it('let a host be known by its ECDSA key although it has an Ed25519 key as well', async () => {
    expect(await trial(strict, storeOf(lineOf(ecdsa.publicKey)), [hostKey, ecdsa])).toBe('client');
  });
});
