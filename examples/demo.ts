/**
 * A fleet of SSH servers on this machine, and one command on all of them. One host exits with 7, one is slow, one refuses the
 * login and one dies in mid-output: the demo shows what comes of each, checks it, and ends with 0 only when all was reported as
 * it was. Then a file goes to one of them over SFTP, and back. `npm start` runs it; nothing outside of this process, its
 * children and a temporary folder is used.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  connect,
  describeExit,
  exec,
  fanOut,
  type FleetEvent,
  type FleetGroup,
  type FleetSummary,
  gather,
  summary,
  type SshClient,
  withClient,
} from 'rxssh';
import { generatePrivateKey } from 'rxssh/keys';
import {
  combineLatest,
  concat,
  connect as share,
  defer,
  forkJoin,
  from,
  ignoreElements,
  lastValueFrom,
  mergeMap,
  type Observable,
  of,
  reduce,
  tap,
  toArray,
} from 'rxjs';
import { moveFile } from './demo-files.ts';
import { describe, Screen } from './demo-screen.ts';
import { type DemoHost, type HostPlan, startHost } from './demo-servers.ts';

const PLANS: readonly HostPlan[] = [
  { name: 'web1' },
  { name: 'web2' },
  { name: 'web3' },
  { name: 'web4', release: '0.9' },
  { name: 'exits-with-7', status: 7 },
  { name: 'slow', pause: 1 },
  { name: 'refuses-the-login', refusesLogins: true },
  { name: 'dies', pause: 5, dies: true },
];

/** What every host runs; the servers give each its own environment. */
const COMMAND = [
  'for step in 1 2 3; do echo "step $step of 3"; sleep "$DEMO_PAUSE"; done',
  'echo "release $DEMO_RELEASE"',
  'test "$DEMO_STATUS" = 0 || echo "something is wrong here" >&2',
  'exit "$DEMO_STATUS"',
].join('; ');

const SLOW_MS = 2_500;
const PAYLOAD_BYTES = 2 * 1024 * 1024;
const LONGEST_RUN_MS = 19_000;

/** What one host was reported to have done. */
interface Report {
  output: string;
  outcome: string;
  milliseconds: number;
  /** How many were done before it. */
  place?: number;
}

type Reports = Readonly<Record<string, Report>>;

const screen = new Screen();
const userKey = generatePrivateKey('ed25519', { comment: 'demo' });
const payload = randomBytes(PAYLOAD_BYTES);

// a check as well: whatever hangs is a failure
setTimeout(() => {
  screen.line(`not done within ${String(LONGEST_RUN_MS)} ms`);
  process.exit(1);
}, LONGEST_RUN_MS).unref();

function logIn({ port, hostKey }: DemoHost): Observable<SshClient> {
  return connect({
    host: '127.0.0.1',
    port,
    user: 'demo',
    identities: () => [userKey],
    hostKeys: { policy: 'pinned', fingerprints: [hostKey] },
  });
}

/** One command on all hosts: everything as it happens, and what it comes to. */
function runAll(hosts: readonly DemoHost[]): Observable<readonly string[]> {
  return fanOut(hosts, (host) => logIn(host).pipe(exec(COMMAND)), {
    label: ({ name }) => name,
    timeout: 15_000,
  }).pipe(
    tap(dieInMidOutput),
    tap(showLive(hosts.length)),
    share((event$) =>
      forkJoin({
        reports: event$.pipe(reduce(report, {})),
        groups: event$.pipe(gather(), toArray()),
        total: event$.pipe(summary()),
      }),
    ),
    tap(() => screen.endProgress()),
    tap(({ reports }) => showReports(reports)),
    tap(({ groups }) => showGroups(groups)),
    tap(({ total }) => showSummary(total)),
    reduce((_, { reports, groups, total }) => differences(reports, groups, total), [] as string[]),
  );
}

/** The moment is chosen by what has arrived, not by the clock. */
function dieInMidOutput({ target, event }: FleetEvent<DemoHost>): void {
  if (event.type === 'stdout') target.die();
}

function showLive(all: number): (event: FleetEvent<DemoHost>) => void {
  let done = 0;
  return (fleetEvent) => {
    const text = describe(fleetEvent);
    if (text !== undefined) screen.line(`${fleetEvent.host}: ${text}`);
    if (fleetEvent.event.type === 'done') done++;
    screen.progress(done, all, `hosts done, last heard of ${fleetEvent.host}`);
  };
}

function report(
  reports: Record<string, Report>,
  { host, event }: FleetEvent<DemoHost>,
): Record<string, Report> {
  const own = (reports[host] ??= { output: '', outcome: '', milliseconds: 0 });
  if (event.type === 'stdout') own.output += new TextDecoder().decode(event.data);
  if (event.type === 'exit') own.outcome = describeExit(event.exit);
  if (event.type === 'error') own.outcome = `error: ${event.error.kind}`;
  if (event.type === 'done') {
    own.milliseconds = event.milliseconds;
    own.place = Object.values(reports).filter(({ place }) => place !== undefined).length;
  }
  return reports;
}

function showReports(reports: Reports): void {
  screen.title('each host');
  for (const [host, { output, outcome }] of Object.entries(reports)) {
    screen.line(`${host}: ${outcome}`);
    screen.block(output);
  }
}

function showGroups(groups: readonly FleetGroup[]): void {
  screen.title('equal answers');
  for (const { hosts, stdout, stderr, exit, errors } of groups) {
    const outcome = exit === undefined ? (errors[0]?.kind ?? '') : describeExit(exit);
    screen.line(`${hosts.join(', ')}: ${outcome}`);
    screen.block(`${stdout}${stderr}`);
  }
}

function showSummary(total: FleetSummary): void {
  screen.title('summary');
  const { hosts, ok, failed, errors, largestStatus, milliseconds } = total;
  screen.line(
    `${String(hosts)} hosts: ${String(ok)} ok, ${String(failed)} failed, ${String(errors)} errors ` +
      `(${Object.keys(total.errorsByKind).join(', ')}); largest status ${String(largestStatus)}; ` +
      `${(milliseconds / 1000).toFixed(2)} s`,
  );
}

const STEPS = 'step 1 of 3\nstep 2 of 3\nstep 3 of 3\n';
const GOOD = { outcome: 'ended with status 0', output: `${STEPS}release 1.0\n` };

/** How each host has to be reported; all else is a difference. */
const EXPECTED: Readonly<Record<string, { outcome: string; output: string }>> = {
  web1: GOOD,
  web2: GOOD,
  web3: GOOD,
  web4: { ...GOOD, output: `${STEPS}release 0.9\n` },
  'exits-with-7': { ...GOOD, outcome: 'ended with status 7' },
  slow: GOOD,
  'refuses-the-login': { outcome: 'error: auth', output: '' },
  dies: { outcome: 'error: connection-lost', output: 'step 1 of 3\n' },
};

function differences(
  reports: Reports,
  groups: readonly FleetGroup[],
  { ok, failed, errorsByKind }: FleetSummary,
): string[] {
  const found: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown): void => {
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== should) found.push(`${what} is ${is}, not ${should}`);
  };
  for (const [host, { outcome, output }] of Object.entries(EXPECTED)) {
    expect(`the outcome of ${host}`, reports[host]?.outcome, outcome);
    expect(`the output of ${host}`, reports[host]?.output, output);
  }
  const slow = reports['slow'];
  expect('the slow host is the last', slow?.place, PLANS.length - 1);
  expect('the slow host is slow', (slow?.milliseconds ?? 0) >= SLOW_MS, true);
  expect('the largest group', groups[0]?.hosts, ['web1', 'web2', 'web3', 'slow']);
  expect('the number of groups', groups.length, 5);
  const { auth, 'connection-lost': lost } = errorsByKind;
  expect('the summary', { ok, failed, auth, lost }, { ok: 5, failed: 1, auth: 1, lost: 1 });
  return found;
}

/** The same bytes to all hosts at the pace of the slowest, and back. */
function echoPayload(hosts: readonly DemoHost[]): Observable<readonly string[]> {
  const expected = sha256(payload);
  const hashes = new Map<string, ReturnType<typeof createHash>>();
  return fanOut(hosts, (host, { stdin$ }) => logIn(host).pipe(exec('cat', { stdin: stdin$ })), {
    label: ({ name }) => name,
    stdin: payload,
  }).pipe(
    tap(({ host, event }) => {
      const hash = hashes.get(host) ?? createHash('sha256');
      hashes.set(host, hash);
      if (event.type === 'stdout') hash.update(event.data);
    }),
    ignoreElements(),
    (nothing$) =>
      concat(
        nothing$,
        defer(() => of(compare(hosts, hashes, expected))),
      ),
  );
}

function compare(
  hosts: readonly DemoHost[],
  hashes: ReadonlyMap<string, ReturnType<typeof createHash>>,
  expected: string,
): readonly string[] {
  screen.title(`${String(PAYLOAD_BYTES)} random bytes to ${String(hosts.length)} hosts and back`);
  screen.line(`sha256 ${expected}`);
  return hosts.flatMap(({ name }) => {
    const actual = hashes.get(name)?.digest('hex') ?? 'none';
    screen.line(`${name}: ${actual === expected ? 'equal' : actual}`);
    return actual === expected ? [] : [`the payload of ${name} is not what was sent`];
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const isHealthy = ({ name }: DemoHost): boolean => EXPECTED[name]?.outcome === GOOD.outcome;

/** The hosts are up as long as the work runs: `withClient` keeps its source subscribed, whatever that is. */
const difference$ = combineLatest(PLANS.map((plan) => startHost(plan, userKey))).pipe(
  tap((hosts) => screen.title(`${String(hosts.length)} hosts, one command: ${COMMAND}`)),
  withClient((hosts) => {
    const healthy = hosts.filter(isHealthy);
    const file$ = from(healthy.slice(0, 1)).pipe(
      mergeMap((host) => logIn(host).pipe(moveFile(screen))),
    );
    return concat(runAll(hosts), echoPayload(healthy), file$);
  }),
  reduce((all, found) => [...all, ...found], [] as readonly string[]),
);

const found = await lastValueFrom(difference$);
screen.title(found.length === 0 ? 'all was reported as it was' : 'NOT as it was:');
for (const difference of found) screen.line(difference);
process.exitCode = found.length === 0 ? 0 : 1;
