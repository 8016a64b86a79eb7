/** The figures as Markdown. */
import { arch, cpus, platform } from 'node:os';
import { spawnSync } from 'node:child_process';
import { type Mark, MARKS, type Row } from './rows.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { Sample } from './task.ts';

export interface Client {
  readonly name: string;
  readonly title: string;
}

/** The first one is what the others are compared with. */
export const CLIENTS: readonly Client[] = [
  { name: 'openssh', title: 'OpenSSH' },
  { name: 'rxssh', title: 'rxssh' },
  { name: 'ssh2-addon', title: 'ssh2 with its addon' },
  { name: 'ssh2', title: 'ssh2 without it' },
  { name: 'ssh2-sftp-client', title: 'ssh2-sftp-client' },
];

const BASE = 'openssh';

/** Samples by row and client, in the order of the runs. */
export type Measured = Map<string, Map<string, Sample[]>>;

export interface Results {
  readonly measured: Measured;
  readonly clients: readonly Client[];
  readonly rows: readonly Row[];
  readonly runs: number;
  readonly mib: number;
}

type Value = (sample: Sample) => number;

/** The page, and what came of each mark. */
export function report(results: Results): {
  readonly markdown: string;
  readonly marks: readonly string[];
} {
  const { rows, clients } = results;
  const others = clients.filter(({ name }) => name !== BASE);
  const marks = MARKS.flatMap((mark) => judge(mark, results));
  const section = (
    title: string,
    text: string,
    chosen: readonly Row[],
    shown: readonly Client[],
    cell: (row: Row, client: Client) => string,
  ): string => {
    if (chosen.length === 0) return '';
    const lines = chosen.map(
      (row) => `| ${row.title} | ${shown.map((client) => cell(row, client)).join(' | ')} |`,
    );
    const head = `| | ${shown.map((client) => client.title).join(' | ')} |`;
    return `## ${title}\n\n${text}\n\n${head}\n|---|${shown.map(() => '---|').join('')}\n${lines.join('\n')}\n\n`;
  };
  const ratio =
    (value: Value, inverted = false) =>
    (row: Row, client: Client) =>
      shownSpread(ratiosOf(results, row, client.name, BASE, value, inverted));
  const rates = rows.filter(({ isRate }) => isRate === true);
  const markdown = [
    introduction(results),
    section('Speed', 'Times as fast as OpenSSH: more is better.', rates, others, (row, client) =>
      ratio(row.value, true)(row, client),
    ),
    section(
      'Time',
      "Parts of OpenSSH's time (of its memory, in the last row): less is better.",
      rows.filter(({ isRate }) => isRate !== true),
      others,
      (row, client) => ratio(row.value)(row, client),
    ),
    section(
      'CPU time of the client',
      "Parts of OpenSSH's: less is better. Its processes are counted with those that they start; of a Node process, what it takes to start is not counted.",
      rows.filter(({ withoutCpu }) => withoutCpu !== true),
      others,
      ratio(({ cpuMilliseconds }) => cpuMilliseconds),
    ),
    section(
      'Peak memory of the client',
      'MiB resident, of its largest process.',
      rows,
      clients,
      (row, { name }) => shownSpread(valuesOf(results, row, name, peakMiB)?.values),
    ),
    section(
      'An idle connection',
      'KiB: the second half of all connections against the first, after garbage collection; for OpenSSH, what is its own of a process.',
      rows.filter(({ id }) => id === 'idle'),
      clients,
      (row, { name }) => shownSpread(valuesOf(results, row, name, row.value)?.values),
    ),
  ].join('');
  return { markdown: `${markdown.trimEnd()}\n`, marks };
}

/** A client's values beside another's, run by run; `undefined` where one of them has none. */
export function ratiosOf(
  { measured }: Pick<Results, 'measured'>,
  row: Row,
  client: string,
  base: string,
  value: Value,
  inverted = false,
): readonly number[] | undefined {
  const own = measured.get(row.id)?.get(client);
  const other = measured.get(row.id)?.get(base);
  if (own === undefined || other === undefined) return undefined;
  return own.flatMap((sample, index) => {
    const beside = other[index];
    if (beside === undefined || value(beside) === 0) return [];
    const ratio = value(sample) / value(beside);
    return [inverted ? 1 / ratio : ratio];
  });
}

function valuesOf(
  { measured }: Results,
  row: Row,
  client: string,
  value: Value,
): { readonly values: readonly number[] } | undefined {
  const samples = measured.get(row.id)?.get(client);
  return samples === undefined ? undefined : { values: samples.map(value) };
}

function peakMiB({ peakKiB }: Sample): number {
  return peakKiB / 1024;
}

function shownSpread(values: readonly number[] | undefined): string {
  if (values === undefined || values.length === 0) return '–';
  const { median, min, max } = spreadOf(values);
  return `**${shown(median)}** (${shown(min)}–${shown(max)})`;
}

function shown(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(2);
}

function judge(mark: Mark, results: Results): readonly string[] {
  const row = results.rows.find(({ id }) => id === mark.row);
  if (row === undefined) return [];
  const spread = measureOf(mark, row, results);
  if (spread === undefined) return [];
  const isMet =
    spread.median >= (mark.atLeast ?? -Infinity) && spread.median <= (mark.atMost ?? Infinity);
  const wanted =
    mark.atLeast === undefined ? `at most ${mark.atMost ?? ''}` : `at least ${mark.atLeast}`;
  const name = `${mark.row}, ${mark.what}`;
  return [`${isMet ? 'met   ' : 'MISSED'} ${name}: ${shown(spread.median)}, mark ${wanted}`];
}

function measureOf(mark: Mark, row: Row, results: Results): Spread | undefined {
  const { beside = BASE, besideRow, measure } = mark;
  if (besideRow !== undefined) return spreadBeside(row, besideRow, results);
  const values =
    measure === 'peakMiB'
      ? valuesOf(results, row, 'rxssh', peakMiB)?.values
      : measure === 'idleKiB'
        ? valuesOf(results, row, 'rxssh', row.value)?.values
        : measure === 'cpu'
          ? ratiosOf(results, row, 'rxssh', beside, ({ cpuMilliseconds }) => cpuMilliseconds)
          : ratiosOf(results, row, 'rxssh', beside, row.value, row.isRate);
  return values === undefined || values.length === 0 ? undefined : spreadOf(values);
}

/** How rxssh does in a row, beside itself in another, run by run. */
function spreadBeside(
  { id, value, isRate = false }: Row,
  besideRow: string,
  { measured }: Results,
): Spread | undefined {
  const samples = [besideRow, id].map((row) => measured.get(row)?.get('rxssh')?.map(value) ?? []);
  const [others = [], own = []] = samples;
  const ratios = own.flatMap((mine, run) => {
    const other = others[run];
    if (other === undefined) return [];
    return [isRate ? other / mine : mine / other];
  });
  return ratios.length === 0 ? undefined : spreadOf(ratios);
}

function introduction({ runs, mib }: Results): string {
  return `# How fast rxssh is

Written by \`npm run bench\`. One sshd on loopback, one host, one account whose shell is /bin/sh; the clients do the same work one
after the other, each in a process of its own, ${runs} times over; a figure is the median of the ratios within each run, with the
lowest and the highest in brackets. Transfers are ${mib} MiB and include connecting, for all alike. All use ${versions()}.
Short commands of OpenSSH go through a master connection, a process each, as one would do by hand. npm ssh2 runs on sockets with
TCP_NODELAY, which it does not set itself: without it most of its rows are many times slower.

Figures of two machines, or of two hours on one machine, cannot be compared; the ratios hold.

![Times as fast as OpenSSH](benchmark.svg)

`;
}

function versions(): string {
  const ssh = spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.trim().split(',', 1)[0] ?? '';
  const cores = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
  return `curve25519-sha256 and ssh-ed25519. Node ${process.versions.node}, ${ssh}, ${platform()} ${arch()}, ${cores}`;
}
