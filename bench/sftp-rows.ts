/** The rows of SFTP, and their marks. */
import type { Mark, Row, Sizes } from './rows.ts';
import type { Protection, Sample, Transfer, Work } from './task.ts';

/** Its MAC is not used. */
const GCM: Protection = {
  cipher: 'aes128-gcm@openssh.com',
  mac: 'hmac-sha2-256-etm@openssh.com',
};
/** Milliseconds that a delayed round trip takes longer. */
export const DELAY_MS = 50;
/** A delayed transfer is shorter: the way is what it waits for. */
export const DELAYED_PART = 4;
const FILES = 2000;
const ENTRIES = 10_000;
/** Who has a server in these rows. */
const SERVERS = ['openssh', 'rxssh'];

const milliseconds = (sample: Sample): number => sample.milliseconds;

type Direction = Transfer['direction'];

const DIRECTIONS: readonly Direction[] = ['get', 'put'];

export const SFTP_ROWS: readonly Row[] = [
  ...DIRECTIONS.flatMap((direction) => [
    fileRow(`sftp-${direction}`, `SFTP ${direction}`, (sizes) => ({
      ...{
        kind: 'sftp-file',
        way: 'copy',
        ...endsOf(direction, sizes, 'large'),
        bytes: sizes.bytes,
      },
    })),
    fileRow(`sftp-${direction}-stream`, `SFTP ${direction} as a stream`, (sizes) => ({
      ...{
        kind: 'sftp-file',
        way: 'stream',
        ...endsOf(direction, sizes, 'large'),
        bytes: sizes.bytes,
      },
    })),
    fileRow(`sftp-${direction}-delayed`, `SFTP ${direction}, 50 ms away`, (sizes) => ({
      ...{ kind: 'sftp-file', way: 'copy', ...endsOf(direction, sizes, 'delayed') },
      ...{ bytes: Math.ceil(sizes.bytes / DELAYED_PART), delay: DELAY_MS },
    })),
    ...[1, 16].map((atOnce): Row => ({
      ...{ id: `sftp-${direction}-files-${atOnce}`, protection: GCM, value: milliseconds },
      title: `SFTP ${direction} of ${FILES} files of 4 KiB${atOnce === 1 ? '' : `, ${atOnce} at a time`}`,
      work: (sizes) => ({
        ...{ kind: 'sftp-files', ...endsOf(direction, sizes, 'files') },
        ...{ count: FILES, atOnce },
      }),
    })),
    {
      ...fileRow(
        `sftp-server-${direction}`,
        `our server, OpenSSH's sftp: ${direction}`,
        (sizes) => ({
          ...{ kind: 'sftp-server', ...endsOf(direction, sizes, 'large'), bytes: sizes.bytes },
        }),
      ),
      ...{ clients: SERVERS, withoutCpu: true },
    },
  ]),
  {
    ...{ id: 'sftp-list', title: `SFTP list of ${ENTRIES} entries`, protection: GCM },
    work: ({ folder }) => ({
      ...{ kind: 'sftp-list', remote: `${folder}/entries`, count: ENTRIES },
    }),
    value: milliseconds,
  },
];

export const SFTP_MARKS: readonly Mark[] = [
  ...DIRECTIONS.flatMap((direction): readonly Mark[] => [
    { row: `sftp-${direction}`, what: 'speed', measure: 'ratio', atLeast: 1 },
    { row: `sftp-${direction}-stream`, what: 'speed', measure: 'ratio', atLeast: 0.9 },
    { row: `sftp-${direction}`, what: 'peak memory, MiB', measure: 'peakMiB', atMost: 110 },
    { row: `sftp-${direction}-stream`, what: 'peak memory, MiB', measure: 'peakMiB', atMost: 110 },
    { row: `sftp-${direction}-files-16`, what: 'time', measure: 'ratio', atMost: 0.4 },
    { row: `sftp-server-${direction}`, what: 'speed', measure: 'ratio', atLeast: 0.9 },
    {
      ...{ row: `sftp-server-${direction}`, what: 'peak memory, MiB', measure: 'peakMiB' },
      atMost: 110,
    },
  ]),
  { row: 'sftp-get-delayed', what: 'speed', measure: 'ratio', atLeast: 3 },
  { row: 'sftp-put-delayed', what: 'speed', measure: 'ratio', atLeast: 1 },
];

/** Large files that the rows find: by what part of all bytes. */
export const SFTP_LARGE = { large: 1, delayed: DELAYED_PART } as const;

/** Folders that the rows find. */
export const SFTP_FOLDERS = {
  files: { count: FILES, size: 4096 },
  entries: { count: ENTRIES, size: 0 },
} as const;

function fileRow(id: string, title: string, work: (sizes: Sizes) => Work): Row {
  return { id, title, protection: GCM, work, value: milliseconds, isRate: true };
}

/** What is there stands in the folder; what is made, beside it. */
function endsOf(direction: Direction, { folder }: Sizes, name: string): Transfer {
  const source = `${folder}/${name}`;
  const target = `${folder}/made/${name}`;
  return direction === 'get'
    ? { direction, remote: source, local: target }
    : { direction, remote: target, local: source };
}
