/** What the harness tells a client to do, and what comes back: the two sides of a child process. */

/** The server, and how to get in. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** The host key as it stands on its known_hosts line: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
}

/** What protects the connection. */
export interface Protection {
  readonly cipher: string;
  /** Not used with a cipher that brings its own tag. */
  readonly mac: string;
}

export const KEX = 'curve25519-sha256';
export const HOST_KEY = 'ssh-ed25519';

/** What is measured; each is done from scratch, by a process of its own. */
export type Work =
  /** One command's stdout. */
  | {
      readonly kind: 'download';
      readonly bytes: number;
      /** Milliseconds that a round trip takes longer than it would. */
      readonly delay?: number;
      /** After how many bytes there are new keys. */
      readonly rekeyBytes?: number;
    }
  /** One command's stdin. */
  | { readonly kind: 'upload'; readonly bytes: number; readonly sparseFile: string }
  /** Connect, log in, run `true`, close: so many times, so many at once. */
  | { readonly kind: 'connect'; readonly count: number; readonly atOnce: number }
  /** Run `true` on one connection. */
  | { readonly kind: 'exec'; readonly count: number; readonly atOnce: number }
  /** Send a byte to `cat` and wait for it. */
  | { readonly kind: 'echo'; readonly warmUps: number; readonly roundTrips: number }
  /** A port of this machine that the server leads to another, where a process of the bench sends or takes bytes. */
  | { readonly kind: 'forward'; readonly direction: 'get' | 'put'; readonly bytes: number }
  /** Open connections and leave them. */
  | { readonly kind: 'idle'; readonly count: number }
  | SftpWork;

/** Work on files. What a transfer makes is not there before. */
export type SftpWork =
  /** One file: with what copies files, or as a stream from or into a local one. */
  | (FileTransfer & { readonly kind: 'sftp-file'; readonly way: 'copy' | 'stream' })
  /** A folder of small files, so many at once. */
  | (Transfer & { readonly kind: 'sftp-files'; readonly count: number; readonly atOnce: number })
  /** The names in a folder. */
  | { readonly kind: 'sftp-list'; readonly remote: string; readonly count: number }
  /** The other way round: OpenSSH's sftp is the client, and the server is measured. */
  | (FileTransfer & { readonly kind: 'sftp-server' });

export interface Transfer {
  readonly direction: 'get' | 'put';
  readonly remote: string;
  readonly local: string;
}

export interface FileTransfer extends Transfer {
  readonly bytes: number;
  /** Milliseconds that a round trip takes longer than it would. */
  readonly delay?: number;
}

/** Where a measured server has its bytes from. */
export type ServerSource = 'process' | 'child';

export interface Task {
  readonly server: Server;
  readonly protection: Protection;
  readonly work: Work;
  /** Measures a server, under OpenSSH's client. */
  readonly serverSource?: ServerSource;
}

/** After how many bytes a task wants new keys; `undefined` leaves it to the client. */
export function rekeyBytesOf({ work }: Task): number | undefined {
  return work.kind === 'download' ? work.rekeyBytes : undefined;
}

/** What one run of one client came to. */
export interface Sample {
  /** Of the work, from before the first connection (`exec`, `echo`: from behind it) to the last result. */
  readonly milliseconds: number;
  /** CPU time of the client's processes in the same span, without the start of a Node process. */
  readonly cpuMilliseconds: number;
  /** Highest resident memory of the client's largest process. */
  readonly peakKiB: number;
  /** `echo`: the round trip that half, and that 99 % of all were faster than. */
  readonly p50Microseconds?: number;
  readonly p99Microseconds?: number;
  /** `idle`: what one more connection costs. */
  readonly idleKiB?: number;
}

/** A client that works in a Node process of its own. */
export interface NodeClient {
  download(task: Task, bytes: number): Promise<void>;
  upload(task: Task, bytes: number): Promise<void>;
  connectAndRun(task: Task): Promise<void>;
  /** A connection to be kept. */
  open(task: Task): Promise<OpenConnection>;
}

/** A client for files. */
export interface SftpBenchClient {
  /** Connects, does the work, and says goodbye. */
  sftp(task: Task, work: Exclude<SftpWork, { readonly kind: 'sftp-server' }>): Promise<void>;
}

export interface OpenConnection {
  /** Runs `true`. */
  run(): Promise<void>;
  /** Starts `cat`. */
  echo(): Promise<EchoChannel>;
  close(): void;
}

export interface EchoChannel {
  /** Sends a byte; `received` is called when it is back. */
  send(byte: Uint8Array, received: () => void): void;
}

export const CHUNK_BYTES = 65_536;

/** For streams of local files: with their own 16 KiB they would be what is measured. */
export const LARGE = { highWaterMark: 1024 * 1024 } as const;

/** The commands that everyone runs. */
export const COMMANDS = {
  download: (bytes: number): string => `head -c ${bytes} /dev/zero`,
  upload: 'wc -c',
  nothing: 'true',
  echo: 'cat',
} as const;

const ZEROS = new Uint8Array(CHUNK_BYTES);

/** What the command of a download writes. */
export function* zeros(command: string): Generator<Uint8Array> {
  for (let left = Number(/^head -c (\d+) /.exec(command)?.[1] ?? 0); left > 0; left -= CHUNK_BYTES)
    yield ZEROS.subarray(0, Math.min(left, CHUNK_BYTES));
}

/** Throws unless all came. */
export function checkBytes(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`${got} bytes came through instead of ${wanted}`);
}
