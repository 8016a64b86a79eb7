/** Keys are made while garbage is collected: in a process of its own, since nothing in one that has stopped could say so. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** As many as have stopped a process in seven cases of eight. */
const PAIRS = 100_000;

const program = `
  import { nodeProvider } from './src/crypto/node-provider.ts';
  for (let left = ${String(PAIRS)}; left > 0; left--) nodeProvider.x25519();
  console.log('all made');
`;

it('an X25519 pair comes back from being made, wherever a collection falls', () => {
  const [bundle] = buildSync({
    stdin: { contents: program, resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    alias: { '#crypto': join(root, 'src/crypto/default-node.ts') },
    logLevel: 'error',
  }).outputFiles;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    // as many collections as there can be
    ['--max-semi-space-size=1', '--input-type=module'],
    {
      input: bundle?.text ?? '',
      cwd: root,
      encoding: 'utf8',
      timeout: 90_000,
      killSignal: 'SIGKILL',
    },
  );
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'all made\n', stderr: '' });
}, 120_000);
