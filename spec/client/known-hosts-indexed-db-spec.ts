import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IDBFactory } from 'fake-indexeddb';
import { firstValueFrom, from } from 'rxjs';
import { indexedDbKnownHosts } from '../../src/client/known-hosts-indexed-db.ts';
import { formatKnownHostsLine } from '../../src/keys/known-hosts.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';

// its types are those of a page, which there are none of here
const Databases: unknown = IDBFactory;
const globals = globalThis as { indexedDB?: object };
const key = generatePrivateKey('ed25519').publicKey;
const other = generatePrivateKey('ed25519').publicKey;

beforeEach(() => {
  globals.indexedDB = new (Databases as new () => object)();
});
afterEach(() => {
  delete globals.indexedDB;
});

async function verdict(host: string, port = 22, name?: string): Promise<string> {
  const known = await firstValueFrom(from(indexedDbKnownHosts(name).load()));
  return known.check({ host, port }, key).verdict;
}

async function add(...hosts: readonly string[]): Promise<void> {
  await Promise.all(
    hosts.map((host) =>
      firstValueFrom(from(indexedDbKnownHosts().add(formatKnownHostsLine(host, 22, key)))),
    ),
  );
}

describe('known hosts in IndexedDB', () => {
  it('are none at first', async () => {
    expect(await verdict('db1')).toBe('unknown');
  });

  it('are there for the next connection, and for no other database', async () => {
    await add('db1');
    expect([
      await verdict('db1'),
      await verdict('db2'),
      await verdict('db1', 22, 'of another'),
    ]).toEqual(['known', 'unknown', 'unknown']);
  });

  it('keep the lines of all tabs that add some at the same time', async () => {
    const hosts = Array.from({ length: 20 }, (_, at) => `db${String(at)}`);
    await add(...hosts);
    expect(new Set(await Promise.all(hosts.map((host) => verdict(host))))).toEqual(
      new Set(['known']),
    );
  });

  it('tell a key that has changed from one that is not known', async () => {
    await firstValueFrom(from(indexedDbKnownHosts().add(formatKnownHostsLine('db1', 22, other))));
    expect(await verdict('db1')).toBe('changed');
  });

  it('forget a host, and no other', async () => {
    await add('db1', 'db2');
    await indexedDbKnownHosts().forget('db1');
    expect([await verdict('db1'), await verdict('db2')]).toEqual(['unknown', 'known']);
  });

  it('that are not there to be used, or fail, are an error: nobody is trusted then', async () => {
    delete globals.indexedDB;
    await expect(verdict('db1')).rejects.toMatchObject({ kind: 'config' });
    globals.indexedDB = {
      open: () => {
        throw new Error('refused to a page without an origin');
      },
    };
    await expect(verdict('db1')).rejects.toThrow('refused to a page without an origin');
  });
});
