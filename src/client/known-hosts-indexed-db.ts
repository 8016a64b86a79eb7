/** known_hosts in a page: the text of the file, in IndexedDB. */
import { SshError, toError } from '../errors.ts';
import { DEFAULT_PORT } from '../keys/host-patterns.ts';
import { parseKnownHosts } from '../keys/known-hosts.ts';
import { removeKnownHost } from '../keys/known-hosts-edit.ts';
import type { KnownHostsStore } from './host-verification.ts';

/** Known hosts that a page keeps. */
export interface IndexedDbKnownHosts extends KnownHostsStore {
  /** Forgets a host, for whoever knows why its key has changed. Resolves when that is kept. `port` is 22 unless said otherwise. */
  forget(host: string, port?: number): Promise<void>;
}

const STORE = 'files';
const FILE = 'known_hosts';

type Mode = 'readonly' | 'readwrite';

/**
 * Known hosts in the IndexedDB of this page's origin, as the text of a known_hosts file. A database that cannot be read or written
 * refuses every key, with `config`. Several tabs may share one: a line is added in one transaction.
 *
 * @param name - of the database
 *
 * @example
 * ```ts
 * connect({
 *   duplex,
 *   host,
 *   user,
 *   password,
 *   knownHosts: indexedDbKnownHosts(),
 *   hostKeys: { policy: 'ask', ask: ({ host, fingerprint }) => askThePerson(host, fingerprint) },
 * });
 * ```
 */
export function indexedDbKnownHosts(name = 'rxssh'): IndexedDbKnownHosts {
  const edit = (change: (text: string) => string): Promise<string> =>
    transact(name, 'readwrite', change);
  return {
    load: async () => parseKnownHosts(await transact(name, 'readonly', (text) => text), FILE),
    add: (line) => edit((text) => `${text}${line}\n`),
    forget: async (host, port = DEFAULT_PORT) => {
      await edit((text) => removeKnownHost(text, host, port).text);
    },
  };
}

/** Reads the text and, where it may be changed, writes it, in one transaction. Resolves with the text when that is over. */
async function transact(
  name: string,
  mode: Mode,
  change: (text: string) => string,
): Promise<string> {
  try {
    const database = await openDatabase(name);
    try {
      const transaction = database.transaction(STORE, mode);
      const [text] = await Promise.all([
        editFile(transaction.objectStore(STORE), mode, change),
        ended(transaction),
      ]);
      return text;
    } finally {
      database.close();
    }
  } catch (error) {
    const message = `known hosts in IndexedDB cannot be used: ${toError(error).message}`;
    throw new SshError('config', message, { option: 'knownHosts' }, { cause: error });
  }
}

async function openDatabase(name: string): Promise<Database> {
  const { indexedDB } = globalThis as { readonly indexedDB?: Databases };
  if (indexedDB === undefined) throw new Error('there is none here');
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return answered(opening);
}

/** A transaction lives on while it is only its own answers that are waited for. */
async function editFile(
  files: Files,
  mode: Mode,
  change: (text: string) => string,
): Promise<string> {
  const before = await answered(files.get(FILE));
  const text = change(typeof before === 'string' ? before : '');
  if (mode === 'readwrite') files.put(text, FILE);
  return text;
}

function answered<T>(asked: Asked<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(toError(asked.error));
  });
}

function ended(transaction: Transaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(toError(transaction.error));
  });
}

// What is used of IndexedDB. A page's types are not those of this package.

interface Databases {
  open(name: string, version: number): Opening;
}

interface Asked<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface Opening extends Asked<Database> {
  onupgradeneeded: (() => void) | null;
}

interface Database {
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: Mode): Transaction;
  close(): void;
}

interface Transaction {
  readonly error: unknown;
  objectStore(name: string): Files;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
}

interface Files {
  get(key: string): Asked<unknown>;
  put(value: string, key: string): unknown;
}
