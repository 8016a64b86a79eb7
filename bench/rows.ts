/** What is measured, and the marks that rxssh is to reach. */
import { SERVER_MARKS, SERVER_ROWS } from './server-rows.ts';
import { DELAY_MS, DELAYED_PART, SFTP_MARKS, SFTP_ROWS } from './sftp-rows.ts';
import type { Protection, Sample, ServerSource, Work } from './task.ts';

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly protection: Protection;
  work(sizes: Sizes): Work;
  /** What a run came to, in the unit in which clients are compared. */
  readonly value: (sample: Sample) => number;
  /** Rates are compared as speeds (more is better), the others as times or sizes (less is better). */
  readonly isRate?: boolean;
  /** Who takes part; all when nothing is said. */
  readonly clients?: readonly string[];
  /** It is servers that are measured, under OpenSSH's client: what they send they make themselves, or a child does. */
  readonly server?: ServerSource;
  /** CPU time says nothing of a row in which clients mostly wait, or do unlike things. */
  readonly withoutCpu?: boolean;
}

/** How much of everything. */
export interface Sizes {
  readonly bytes: number;
  readonly sparseFile: string;
  /** What SFTP finds, and where it puts what it makes: on both sides of the connection. */
  readonly folder: string;
  /** Divides the numbers of the small rows. */
  readonly divisor: number;
}

/** The MAC is used by the second only. */
const MAC = 'hmac-sha2-256-etm@openssh.com';
const GCM: Protection = { cipher: 'aes128-gcm@openssh.com', mac: MAC };
const CIPHERS: readonly (readonly [id: string, title: string, protection: Protection])[] = [
  ['gcm', 'aes128-gcm', GCM],
  ['ctr', 'aes256-ctr, hmac-sha2-256-etm', { cipher: 'aes256-ctr', mac: MAC }],
  ['chacha', 'chacha20-poly1305', { cipher: 'chacha20-poly1305@openssh.com', mac: MAC }],
];

const REKEY_BYTES = 64 * 1024 * 1024;
const milliseconds = (sample: Sample): number => sample.milliseconds;
const reduced = (count: number, divisor: number): number =>
  Math.max(20, Math.ceil(count / divisor));

const SHELL_ROWS: readonly Row[] = [
  ...CIPHERS.map(([id, title, protection]): Row => ({
    ...{ id: `download-${id}`, title: `download, ${title}`, protection },
    work: ({ bytes }) => ({ kind: 'download', bytes }),
    ...{ value: milliseconds, isRate: true },
  })),
  ...CIPHERS.map(([id, title, protection]): Row => ({
    ...{ id: `upload-${id}`, title: `upload, ${title}`, protection },
    work: ({ bytes, sparseFile }) => ({ kind: 'upload', bytes, sparseFile }),
    ...{ value: milliseconds, isRate: true },
  })),
  {
    ...{ id: 'download-rekey', title: 'download, new keys every 64 MiB', protection: GCM },
    work: ({ bytes }) => ({ kind: 'download', bytes, rekeyBytes: REKEY_BYTES }),
    ...{ value: milliseconds, isRate: true, clients: ['openssh', 'rxssh'] },
  },
  {
    ...{ id: 'download-delayed', title: 'download, 50 ms away', protection: GCM },
    work: ({ bytes }) => ({
      ...{ kind: 'download', bytes: Math.ceil(bytes / DELAYED_PART), delay: DELAY_MS },
    }),
    ...{ value: milliseconds, isRate: true },
  },
  {
    ...{ id: 'connect', title: 'connect, log in, `true`, close', protection: GCM },
    work: ({ divisor }) => ({ kind: 'connect', count: reduced(50, divisor), atOnce: 1 }),
    value: milliseconds,
  },
  {
    ...{ id: 'connect-100', title: 'the same, 100 at once', protection: GCM },
    work: () => ({ kind: 'connect', count: 100, atOnce: 100 }),
    value: milliseconds,
  },
  {
    ...{ id: 'exec', title: '`true`, one after the other', protection: GCM },
    work: ({ divisor }) => ({ kind: 'exec', count: reduced(1000, divisor), atOnce: 1 }),
    value: milliseconds,
  },
  {
    ...{ id: 'exec-10', title: '`true`, ten at a time', protection: GCM },
    work: ({ divisor }) => ({ kind: 'exec', count: reduced(1000, divisor), atOnce: 10 }),
    value: milliseconds,
  },
  {
    ...{ id: 'echo-p50', title: 'echo of one byte, median', protection: GCM },
    work: () => ({ kind: 'echo', warmUps: 500, roundTrips: 5000 }),
    value: ({ p50Microseconds = NaN }) => p50Microseconds,
  },
  {
    ...{ id: 'echo-p99', title: 'echo of one byte, 99th percentile', protection: GCM },
    work: () => ({ kind: 'echo', warmUps: 500, roundTrips: 5000 }),
    value: ({ p99Microseconds = NaN }) => p99Microseconds,
    withoutCpu: true,
  },
  {
    ...{ id: 'idle', title: 'memory of an idle connection', protection: GCM },
    work: ({ divisor }) => ({ kind: 'idle', count: reduced(1000, divisor) }),
    value: ({ idleKiB = NaN }) => idleKiB,
    withoutCpu: true,
  },
];

const OF_SHELLS = ['openssh', 'rxssh', 'ssh2-addon', 'ssh2'];

export const ROWS: readonly Row[] = [
  ...SHELL_ROWS.map((row) => ({ clients: OF_SHELLS, ...row })),
  ...SFTP_ROWS,
  ...SERVER_ROWS,
];

/** A mark: what rxssh's value in a row is to be, beside another client's or by itself. */
export interface Mark {
  readonly row: string;
  readonly what: string;
  /** Of what the mark speaks. */
  readonly measure: 'ratio' | 'cpu' | 'peakMiB' | 'idleKiB';
  /** Beside whom; OpenSSH unless said otherwise. */
  readonly beside?: 'ssh2-addon' | 'ssh2';
  /** It is rxssh in another row that it is beside. */
  readonly besideRow?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const BULK = CIPHERS.flatMap(([id]) => [`download-${id}`, `upload-${id}`]);
const NOT_BESIDE_SSH2 = /chacha|idle|rekey|delayed/;

export const MARKS: readonly Mark[] = [
  ...atLeast('download-gcm', 0.95),
  ...atLeast('download-ctr', 0.95),
  ...atLeast('download-chacha', 0.95),
  ...atLeast('upload-gcm', 0.85),
  ...atLeast('upload-ctr', 0.95),
  ...atLeast('upload-chacha', 0.95),
  {
    ...{ row: 'download-rekey', what: 'speed, beside the same with one set of keys' },
    ...{ measure: 'ratio', besideRow: 'download-gcm', atLeast: 0.97 },
  },
  {
    ...{ row: 'download-delayed', what: 'speed, beside ssh2 without its addon' },
    ...{ measure: 'ratio', beside: 'ssh2', atLeast: 3 },
  },
  ...atMost('connect', 0.25),
  ...atMost('connect-100', 0.75),
  ...atMost('exec', 0.33),
  ...atMost('exec-10', 0.36),
  ...atMost('echo-p50', 0.8),
  {
    ...{ row: 'echo-p99', what: 'time, beside ssh2 without its addon' },
    ...{ measure: 'ratio', beside: 'ssh2', atMost: 1 },
  },
  ...BULK.map((row): Mark => ({ row, what: 'peak memory, MiB', measure: 'peakMiB', atMost: 110 })),
  { row: 'idle', what: 'KiB a connection', measure: 'idleKiB', atMost: 40 },
  ...BULK.filter((row) => !NOT_BESIDE_SSH2.test(row)).map((row): Mark => ({
    ...{ row, what: 'client CPU, beside ssh2 without its addon' },
    ...{ measure: 'cpu', beside: 'ssh2', atMost: 1 },
  })),
  ...SHELL_ROWS.filter(({ id }) => !NOT_BESIDE_SSH2.test(id)).map(
    ({ id, isRate = false }): Mark => ({
      ...{ row: id, measure: 'ratio', beside: 'ssh2' },
      ...(isRate
        ? { what: 'speed, beside ssh2 without its addon', atLeast: 0.95 }
        : { what: 'time, beside ssh2 without its addon', atMost: 1.05 }),
    }),
  ),
  ...SFTP_MARKS,
  ...SERVER_MARKS,
];

function atLeast(row: string, value: number): readonly Mark[] {
  return [{ row, what: 'speed', measure: 'ratio', atLeast: value }];
}

function atMost(row: string, value: number): readonly Mark[] {
  return [{ row, what: 'time', measure: 'ratio', atMost: value }];
}
