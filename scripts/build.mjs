/**
 * src -> dist, from nothing: a file whose source is gone must not be published. tsc checks and writes the types, file by file;
 * esbuild writes the code, one file an entry and what entries share in `dist/shared`: Node takes three times as long, and five
 * MiB more, to load two hundred small modules.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { bin, exports, imports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

await build({
  absWorkingDir: root,
  entryPoints: [...new Set(publishedFiles({ bin, exports, imports }))].map((file) =>
    file.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts'),
  ),
  outbase: 'src',
  outdir: 'dist',
  chunkNames: 'shared/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  packages: 'external',
  // which provider it is depends on where it runs
  external: ['#crypto', 'node:*'],
  // not tsconfig.json, whose conditions lead to the source
  tsconfigRaw: {},
  sourcemap: true,
  logLevel: 'warning',
});

// An import for its effects alone: there are none (`sideEffects`), and bundlers would warn of each. Lines stay as the source maps have them.
for (const file of readdirSync(`${root}dist`, { recursive: true })) {
  if (!file.endsWith('.js')) continue;
  const code = readFileSync(`${root}dist/${file}`, 'utf8');
  writeFileSync(`${root}dist/${file}`, code.replaceAll(/^import "[./]+shared\/.*";$/gm, ''));
}

// npm marks a `bin` executable when it installs it; this does the same for a clone.
for (const file of Object.values(bin)) chmodSync(root + file, 0o755);

/** Every file of code that package.json names. */
function publishedFiles(node) {
  if (typeof node === 'string') return /^(\.\/)?dist\/.*\.js$/.test(node) ? [node] : [];
  return Object.values(node).flatMap(publishedFiles);
}
