/** What the snippets of README.md and docs/ take for granted: things of the reader's own. Only their types count. */
import type { Observable, Subscriber } from 'rxjs';
import type {
  AuthAttemptInfo,
  ByteDuplex,
  ByteSink,
  ByteStream,
  ListenOptions,
  PrivateKey,
  PublicKey,
  SftpClient,
  Signer,
  SshClient,
} from 'rxssh';
import type { KnownHosts } from 'rxssh/keys';

export * as http from 'node:http';

// connections, and files at their other ends
export declare const db1$: Observable<SshClient>;
export declare const db2$: Observable<SshClient>;
export declare const client: SshClient;
export declare const fs: SftpClient;
export declare const a: SftpClient;
export declare const b: SftpClient;

// a server, and who may log in to it
export declare const options: ListenOptions;
export declare const hostKey: PrivateKey;
export declare const hostKeys: readonly PrivateKey[];
export declare const authenticate: ListenOptions['authenticate'];
export declare const known: ReadonlySet<string>;
export declare const hosts: KnownHosts;
export declare const accounts: {
  has(user: string): boolean;
  verify(user: string, password: string): Promise<boolean>;
  keys(user: string): Observable<readonly PublicKey[]>;
};
export declare function keysOf(attempt: AuthAttemptInfo): boolean;
export declare function code(attempt: AuthAttemptInfo): Observable<boolean>;
export declare function isCode(user: string, code: string): boolean;
export declare function log(...facts: readonly unknown[]): void;
export declare function echoDuplex(): ByteDuplex;
export declare function upperCase(bytes: Uint8Array): Uint8Array;

// what is done with what comes
export declare const name: string;
export declare const password: string;
export declare const chunk: Uint8Array;
export declare const row: Uint8Array;
export declare const subscriber: Subscriber<Uint8Array>;
export declare function grant(bytes: number): void;
export declare const rows$: Observable<string>;
export declare function insert(line: string): Promise<void>;
export declare function index(line: string): Promise<void>;
export declare function store(line: string): Promise<void>;
export declare function show(file: string, bytes: number, total: number | undefined): void;
export declare function work(port: number): Observable<unknown>;
export declare function askSomebody(attempt: number): Promise<string>;
export declare function askSomebodyFor(what: string): Promise<string>;
export declare const keysOfTheVault$: Observable<Signer>;
export declare function writeSomewhere(bytes: Uint8Array, done: () => void): void;
export declare function drawn(bytes$: ByteStream): Observable<never>;
export declare function typed(stdin: ByteSink): Observable<never>;
export type Row = readonly unknown[];
export declare function openCursor(each: (row: Row) => void): {
  pause(): void;
  resume(): void;
  close(): void;
};

// a page, and its relay
export { WebSocketServer } from 'ws';
export declare function confirmed(fingerprint: string): Promise<boolean>;
