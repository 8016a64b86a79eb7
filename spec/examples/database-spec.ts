/** The example of a database, as a process of its own: `pg` through our client and our server to a real PostgreSQL. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { nodeDial } from '../../src/server/forward-node.ts';
import { permitEndpoints } from '../../src/server/permit.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer } from '../support/peers/peer.ts';
import { startPostgres } from '../support/peers/postgres.ts';

const root = join(import.meta.dirname, '../..');

/** The example as a program, in a folder from which it finds its packages. */
async function built(folder: string): Promise<string> {
  const program = join(folder, 'database.mjs');
  await build({
    entryPoints: [join(root, 'examples/database.ts')],
    outfile: program,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external' },
    alias: {
      rxssh: join(root, 'src/node.ts'),
      '#crypto': join(root, 'src/crypto/default-node.ts'),
    },
    logLevel: 'error',
  });
  return program;
}

describeWithPeer('psql', 'examples/database.ts', () => {
  it('asks a database behind a host', async () => {
    mkdirSync(join(root, 'build'), { recursive: true });
    const programs = mkdtempSync(join(root, 'build/examples-'));
    const home = mkdtempSync(join(tmpdir(), 'rxssh-database-'));
    const postgres = await startPostgres();
    const dial = nodeDial({ permit: permitEndpoints(`127.0.0.1:${String(postgres.port)}`) });
    const server = await startOurServer({ forward: { dial } });
    try {
      mkdirSync(join(home, '.ssh'), { mode: 0o700 });
      writeFileSync(join(home, '.ssh/known_hosts'), `${server.knownHostsLines.join('\n')}\n`);
      copyFileSync(server.identityFiles[0] ?? '', join(home, '.ssh/id_ed25519'));
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          await built(programs),
          `${server.user}@${server.host}:${String(server.port)}`,
          ...['app', 'app', "select 6 * 7 as answer, repeat('x', 100000) as much"],
          String(postgres.port),
        ],
        { env: { ...process.env, HOME: home }, timeout: 15_000 },
      );
      expect(JSON.parse(stdout)).toEqual([{ answer: 42, much: 'x'.repeat(100_000) }]);
    } finally {
      await server.stop();
      await postgres.stop();
      for (const folder of [programs, home]) rmSync(folder, { recursive: true, force: true });
    }
  });
});
