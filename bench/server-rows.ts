/** The rows in which servers are measured under OpenSSH's client, those of forwarding, and their marks. */
import type { Mark, Row, Sizes } from './rows.ts';
import type { Protection, Sample } from './task.ts';

const MAC = 'hmac-sha2-256-etm@openssh.com';
const PROTECTIONS: readonly (readonly [id: string, title: string, protection: Protection])[] = [
  ['gcm', 'aes128-gcm', { cipher: 'aes128-gcm@openssh.com', mac: MAC }],
  ['ctr', 'aes256-ctr, hmac-sha2-256-etm', { cipher: 'aes256-ctr', mac: MAC }],
];
const [[, , GCM] = ['', '', { cipher: '', mac: '' }]] = PROTECTIONS;
/** Who has a server. */
const SERVERS = ['openssh', 'rxssh', 'ssh2-addon', 'ssh2'];
const LOGINS = 100;

const milliseconds = (sample: Sample): number => sample.milliseconds;

export const SERVER_ROWS: readonly Row[] = [
  ...PROTECTIONS.flatMap(([id, title, protection]) =>
    (['process', 'child'] as const).map((source): Row => {
      const from = source === 'process' ? 'in the process' : 'by a child';
      return {
        ...{ id: `server-download-${id}-${source}`, protection, value: milliseconds },
        title: `server: download, made ${from}, ${title}`,
        work: ({ bytes }) => ({ kind: 'download', bytes }),
        ...{ isRate: true, withoutCpu: true, clients: SERVERS, server: source },
      };
    }),
  ),
  serverRow('server-upload-gcm', 'server: upload, aes128-gcm', ({ bytes, sparseFile }) => ({
    ...{ kind: 'upload', bytes, sparseFile },
  })),
  {
    ...serverRow('server-connect-100', `server: ${String(LOGINS)} logins at once`, () => ({
      ...{ kind: 'connect', count: LOGINS, atOnce: LOGINS },
    })),
    isRate: false,
  },
  ...(['get', 'put'] as const).map((direction): Row => ({
    ...{ id: `forward-${direction}`, title: `-L, ${direction}`, protection: GCM },
    work: ({ bytes }: Sizes) => ({ kind: 'forward', direction, bytes }),
    ...{ value: milliseconds, isRate: true, clients: ['openssh', 'rxssh'] },
  })),
];

function serverRow(id: string, title: string, work: Row['work']): Row {
  return {
    ...{ id, title, work, protection: GCM, value: milliseconds },
    ...{ isRate: true, withoutCpu: true, clients: SERVERS, server: 'process' },
  };
}

export const SERVER_MARKS: readonly Mark[] = [
  ...(
    [
      ['server-download-gcm-process', 1],
      ['server-download-gcm-child', 0.9],
      ['server-download-ctr-process', 0.9],
      ['server-download-ctr-child', 0.9],
      ['server-upload-gcm', 1.1],
      ['forward-get', 1],
      ['forward-put', 1],
    ] as const
  ).map(([row, value]): Mark => ({ row, what: 'speed', measure: 'ratio', atLeast: value })),
  { row: 'server-connect-100', what: 'time', measure: 'ratio', atMost: 1 },
];
