/**
 * `npm run bench`: rxssh beside OpenSSH's ssh and npm ssh2, against one sshd on loopback. Each client does each piece of work in a
 * process of its own; the runs are interleaved, so that whatever else the machine does meets all of them; only ratios within a
 * run are told.
 *
 *   npm run bench -- [--quick] [--runs N] [--size MIB] [--only ROW,…] [--clients NAME,…] [--profile] [--no-docs]
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Measuring } from './measuring.ts';
import { plot } from './plot.ts';
import { type Client, CLIENTS, type Measured, report } from './report.ts';
import { type Row, ROWS, type Sizes } from './rows.ts';
import { SFTP_FOLDERS, SFTP_LARGE } from './sftp-rows.ts';
import { prepareSsh2 } from './ssh2-copies.ts';
import { type RunningSshd, startSshd } from './sshd.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const PROFILES = fileURLToPath(new URL('../bench-profiles/', import.meta.url));
const RESULTS = fileURLToPath(new URL('../bench-results.json', import.meta.url));

interface Options {
  readonly runs: number;
  readonly mib: number;
  readonly divisor: number;
  readonly rows: readonly Row[];
  readonly clients: readonly Client[];
  readonly profile: boolean;
  readonly docs: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      size: { type: 'string' },
      only: { type: 'string' },
      clients: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'no-docs': { type: 'boolean', default: false },
    },
  });
  const { quick, profile } = values;
  return {
    runs: Number(values.runs ?? (quick ? 3 : 7)),
    mib: Number(values.size ?? (quick ? 256 : 1024)),
    divisor: quick ? 5 : 1,
    rows: chosen(ROWS, values.only, ({ id }) => id),
    clients: chosen(CLIENTS, values.clients, ({ name }) => name),
    profile,
    docs: !values['no-docs'],
  };
}

/** Those that were named, by a piece of their names; all when none was. */
function chosen<T>(
  all: readonly T[],
  names: string | undefined,
  nameOf: (one: T) => string,
): readonly T[] {
  if (names === undefined) return all;
  const wanted = names.split(',');
  const found = all.filter((one) => wanted.some((name) => nameOf(one).startsWith(name)));
  if (found.length > 0) return found;
  throw new Error(`none of ${all.map(nameOf).join(', ')} begins with ${names}`);
}

async function main(options: Options): Promise<void> {
  const copies = prepareSsh2(log);
  const clients = options.clients.filter(
    ({ name }) => name !== 'ssh2-addon' || copies.addon !== undefined,
  );
  const sshd = await startSshd();
  try {
    const measuring = new Measuring(sshd, copies, options.profile ? PROFILES : undefined);
    const sizes = prepareSizes(sshd, options);
    for (let index = 0; index < options.runs; index++) {
      for (const row of options.rows) {
        const values = await measuring.measure(row, index, clients, sizes);
        log(`run ${index + 1} of ${options.runs}, ${row.id}: ${values.join(', ')}`);
      }
    }
    publish(measuring.measured, clients, options);
  } finally {
    sshd.stop();
  }
}

function prepareSizes({ folder }: RunningSshd, { mib, divisor }: Options): Sizes {
  const bytes = mib * 1024 * 1024;
  const sparseFile = join(folder, 'zeros');
  writeFileSync(sparseFile, '');
  truncateSync(sparseFile, bytes);
  return { bytes, sparseFile, divisor, folder: prepareFiles(bytes) };
}

/** Files for SFTP, in memory where that is possible: what is measured is the way, not the disk. */
function prepareFiles(bytes: number): string {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rxssh-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const [name, part] of Object.entries(SFTP_LARGE)) {
    writeFileSync(join(folder, name), '');
    truncateSync(join(folder, name), Math.ceil(bytes / part));
  }
  for (const [name, { count, size }] of Object.entries(SFTP_FOLDERS)) {
    mkdirSync(join(folder, name));
    for (let index = 0; index < count; index++)
      writeFileSync(join(folder, name, `file-${index}`), Buffer.alloc(size, index));
  }
  mkdirSync(join(folder, 'made'));
  // the server's account is another
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'made'), 0o777);
  return folder;
}

function publish(measured: Measured, clients: readonly Client[], options: Options): void {
  const { rows, runs, mib } = options;
  const { markdown, marks } = report({ measured, clients, rows, runs, mib });
  const raw = [...measured].map(([row, samples]) => [row, Object.fromEntries(samples)]);
  writeFileSync(RESULTS, JSON.stringify(Object.fromEntries(raw)));
  if (options.docs) {
    mkdirSync(DOCS, { recursive: true });
    writeFileSync(join(DOCS, 'benchmark.md'), markdown);
    writeFileSync(join(DOCS, 'benchmark.svg'), plot({ measured, clients, rows }));
  }
  log(`\n${markdown}`);
  for (const line of marks) log(line);
}

function log(line: string): void {
  console.log(line);
}

await main(readOptions());
