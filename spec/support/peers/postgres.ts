/** PostgreSQL with a cluster of its own in a temp folder. It refuses root, for whom the test account runs it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasTestAccount, testAccount } from './account.ts';
import { freePort, peerFolder, startProgram } from './peer.ts';

/** A database `app` for the user `app`, on loopback, without a password. */
export interface Postgres {
  readonly port: number;
  stop(): Promise<void>;
}

const VERSIONS = '/usr/lib/postgresql';

/** The folder of its programs, which Debian keeps off the PATH; `undefined` when it is not there. */
export function postgresPrograms(): string | undefined {
  try {
    const [newest] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
    return newest === undefined ? undefined : join(VERSIONS, newest, 'bin');
  } catch {
    return undefined;
  }
}

/** Starts one. */
export async function startPostgres(): Promise<Postgres> {
  const programs = postgresPrograms() ?? '';
  const folder = peerFolder();
  const home = folder.file('cluster');
  mkdirSync(home);
  chmodSync(home, 0o700);
  const as = hasTestAccount ? accountOf(testAccount().user, home) : [];
  const [program = '', ...initdb] = [
    ...[...as, join(programs, 'initdb'), '--no-sync', '--no-locale', '-E', 'UTF8'],
    ...['--auth=trust', '-U', 'app', '-D', home],
  ];
  execFileSync(program, initdb, { cwd: '/', stdio: 'ignore' });
  const port = await freePort();
  const running = startProgram([
    ...[...as, join(programs, 'postgres'), '-D', home, '-k', home, '-p', String(port)],
    ...['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
  ]);
  const stop = async (): Promise<void> => {
    await running.stop();
    folder.remove();
  };
  try {
    await running.logged(/ready to accept connections/);
    execFileSync(join(programs, 'createdb'), [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      'app',
      'app',
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

/** Gives the folder to an account, and says how to run something as that. */
function accountOf(user: string, folder: string): readonly string[] {
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  chownSync(folder, id('-u'), id('-g'));
  return ['setpriv', `--reuid=${user}`, `--regid=${String(id('-g'))}`, '--clear-groups'];
}
