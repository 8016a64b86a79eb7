/** The further host keys of a server, from its announcement to a line of known_hosts. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { EMPTY, firstValueFrom, map, Observable, of, Subject, throwError } from 'rxjs';
import type { ClientOptions } from '../../src/client/connect.ts';
import type { HostKeysUpdate, HostKeysUpdatePolicy } from '../../src/client/host-key-updates.ts';
import type { HostKeyPolicy, KnownHostsStore } from '../../src/client/host-verification.ts';
import { isSshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import {
  formatKnownHostsLine,
  joinKnownHosts,
  parseKnownHosts,
} from '../../src/keys/known-hosts.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/keys/private-key.ts';
import type { PublicKey } from '../../src/keys/public-key.ts';
import type { TraceEvent } from '../../src/streams/trace.ts';
import { closeEmbedded, connected, embedded, type Embedded, respond } from '../support/embedded.ts';
import { hostKey } from '../support/transports.ts';

afterEach(closeEmbedded);

const ecdsa = generatePrivateKey('ecdsa');
const another = generatePrivateKey('ed25519');
const stranger = generatePrivateKey('ed25519');
const ours = [hostKey, ecdsa, another] as const;
const strict: HostKeyPolicy = { policy: 'strict' };

function lineOf(key: PublicKey, { host = 'db1', port = 22, hash = false } = {}): string {
  return formatKnownHostsLine(host, port, key, { hash });
}

/** known_hosts in memory; `added` are the lines that the client has written. */
function storeOf(...lines: readonly string[]): KnownHostsStore & { readonly added: string[] } {
  const added: string[] = [];
  return {
    added,
    load: () => of(joinKnownHosts([parseKnownHosts([...lines, ...added].join('\n'), 'known')])),
    add: (line) => {
      added.push(line);
      return of(undefined);
    },
  };
}

interface Trial {
  readonly pair: Embedded;
  /** What the trace says of the update, once it says something. */
  readonly outcome: Promise<string>;
}

function start(store: KnownHostsStore, client: Partial<ClientOptions>): Trial {
  const outcomes = new Subject<string>();
  const trace = (event: TraceEvent): void => {
    if (event.type === 'host-keys') outcomes.next(event.outcome);
  };
  const outcome = firstValueFrom(outcomes, { defaultValue: 'nothing' });
  const pair = embedded((session) => respond(session, {}), {
    client: { hostKeys: strict, knownHosts: store, trace, ...client },
    server: { hostKeys: ours },
  });
  return { pair, outcome };
}

/** Connects, runs a command behind the update, and says what was added. */
async function learn(
  store: ReturnType<typeof storeOf>,
  updateHostKeys: HostKeysUpdatePolicy,
  client: Partial<ClientOptions> = {},
): Promise<string[]> {
  const { pair } = start(store, { updateHostKeys, ...client });
  const connection = await connected(pair.client$);
  // the answer to the proof is sent before that of the command
  await firstValueFrom(connection.hostKeys$);
  await connection.run('true');
  await connection.run('true');
  await closeEmbedded();
  return store.added;
}

describe('keys that a server tells of', () => {
  it('are all of its host keys, for whoever asks later too', async () => {
    const { pair } = start(storeOf(lineOf(hostKey.publicKey)), {});
    const client = await connected(pair.client$);
    for (let round = 0; round < 2; round++) {
      const keys = await firstValueFrom(client.hostKeys$);
      expect(keys.map((key) => fingerprint(key))).toEqual(
        ours.map(({ publicKey }) => fingerprint(publicKey)),
      );
    }
  });

  it('are proven on demand', async () => {
    const { pair } = start(storeOf(lineOf(hostKey.publicKey)), {});
    const client = await connected(pair.client$);
    const wanted = [another.publicKey, ecdsa.publicKey];
    expect(await firstValueFrom(client.proveHostKeys(wanted))).toEqual(wanted);
  });

  it.each<[string, readonly PrivateKey[]]>([
    ['that are not all its own', [ecdsa, stranger]],
    ['that are none', []],
    ['of which one stands twice', [ecdsa, ecdsa]],
  ])('are not proven for a list %s', async (_, keys) => {
    const { pair } = start(storeOf(lineOf(hostKey.publicKey)), {});
    const client = await connected(pair.client$);
    const asked = keys.map(({ publicKey }) => publicKey);
    const error: unknown = await firstValueFrom(client.proveHostKeys(asked)).catch(
      (thrown: unknown) => thrown,
    );
    expect(isSshError(error, 'request-refused')).toBe(true);
  });

  it('are proven a few times only: each time takes signatures', async () => {
    const { pair } = start(storeOf(lineOf(hostKey.publicKey)), {});
    const client = await connected(pair.client$);
    const outcomes: string[] = [];
    for (let round = 0; round < 6; round++) {
      const proven$ = client.proveHostKeys([ecdsa.publicKey]).pipe(map(() => 'proven'));
      outcomes.push(await firstValueFrom(proven$).catch(() => 'refused'));
    }
    expect(outcomes.join(' ')).toBe('proven proven proven proven refused refused');
    expect(client.isClosed).toBe(false);
  });

  it('complete with the connection', async () => {
    const { pair } = start(storeOf(lineOf(hostKey.publicKey)), {});
    const client = await connected(pair.client$);
    client.disconnect();
    await firstValueFrom(client.closed$);
    expect(await firstValueFrom(client.hostKeys$, { defaultValue: 'complete' })).toBe('complete');
  });
});

describe('updateHostKeys', () => {
  const known = lineOf(hostKey.publicKey);
  const both = [lineOf(ecdsa.publicKey), lineOf(another.publicKey)];

  it('adds the proven ones, and tells the trace', async () => {
    const store = storeOf(known);
    const { pair, outcome } = start(store, { updateHostKeys: true });
    await connected(pair.client$);
    const prints = [ecdsa, another].map(({ publicKey }) => fingerprint(publicKey));
    expect(await outcome).toBe(`added ${prints.join(' ')}`);
    expect(store.added).toEqual(both);
  });

  it('adds nothing by default', async () => {
    const store = storeOf(known);
    const { pair } = start(store, {});
    const client = await connected(pair.client$);
    await client.run('true');
    expect(store.added).toEqual([]);
  });

  it('adds nothing a second time', async () => {
    const store = storeOf(known);
    expect(await learn(store, true)).toEqual(both);
    expect(await learn(store, true)).toEqual(both);
  });

  it('hides the name where it was hidden', async () => {
    const store = storeOf(lineOf(hostKey.publicKey, { hash: true }));
    const added = await learn(store, true);
    expect(added).toHaveLength(2);
    for (const line of added) expect(line).toMatch(/^\|1\|/);
    expect(await learn(store, true)).toHaveLength(2);
  });

  it('adds no key that is revoked', async () => {
    const store = storeOf(known, `@revoked * ${lineOf(ecdsa.publicKey).slice('db1 '.length)}`);
    expect(await learn(store, true)).toEqual([lineOf(another.publicKey)]);
  });

  it.each<[string, readonly string[], Partial<ClientOptions>]>([
    ['trusted at first sight', [], { hostKeys: { policy: 'accept-new' } }],
    [
      'pinned',
      [known],
      { hostKeys: { policy: 'pinned', fingerprints: [fingerprint(hostKey.publicKey)] } },
    ],
    ['not checked', [], { hostKeys: { policy: 'no', warn: () => undefined } }],
    ['known on another port only', [known], { port: 2222 }],
  ])('C21: adds nothing for a host that is %s', async (_, lines, client) => {
    const store = storeOf(...lines);
    const added = await learn(store, true, client);
    // the key that was accepted, and no other
    expect(added).toEqual(client.hostKeys?.policy === 'accept-new' ? [known] : []);
  });

  it('asks, with the proven keys', async () => {
    const asked: HostKeysUpdate[] = [];
    const store = storeOf(known);
    const added = await learn(store, (update) => {
      asked.push(update);
      return of(true);
    });
    expect(asked).toEqual([{ host: 'db1', port: 22, keys: [ecdsa.publicKey, another.publicKey] }]);
    expect(added).toEqual(both);
  });

  it.each<[string, HostKeysUpdatePolicy]>([
    ['no', () => of(false)],
    ['something that is not quite yes', () => of('true' as unknown as boolean)],
    ['nothing', () => EMPTY],
    ['an error', () => throwError(() => new Error('no idea'))],
    [
      'a throw',
      () => {
        throw new Error('no idea');
      },
    ],
  ])('adds nothing when the answer is %s, and the client works on', async (_, policy) => {
    expect(await learn(storeOf(known), policy)).toEqual([]);
  });

  it('lets whoever is asked go with the client', async () => {
    let asking = 0;
    const { pair } = start(storeOf(known), {
      updateHostKeys: () =>
        new Observable<boolean>(() => {
          asking++;
          return () => asking--;
        }),
    });
    const client = await connected(pair.client$);
    await firstValueFrom(client.hostKeys$);
    await client.run('true');
    expect(asking).toBe(1);
    await closeEmbedded();
    expect(asking).toBe(0);
  });

  it('tells the trace when known_hosts cannot be written', async () => {
    const store = { ...storeOf(known), add: () => throwError(() => new Error('disk full')) };
    const { pair, outcome } = start(store, { updateHostKeys: true });
    const client = await connected(pair.client$);
    expect(await outcome).toBe('not added: disk full');
    expect((await client.run('true')).exit).toMatchObject({ status: 0 });
  });
});
