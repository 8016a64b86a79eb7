/**
 * Makes sure that node_modules holds what package-lock.json says, so that `npm start` and `npm test` work in a fresh clone.
 * Uses Node built-ins only, since nothing else may be there yet. Does nothing, in a few milliseconds, when all is in place.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const INSTALL_TIMEOUT_MS = 10 * 60_000;

const reason = whyInstall();
if (reason !== undefined) {
  console.log(`setup: ${reason}, running npm ci`);
  install();
}

/** Compares by content, not by time: a checkout touches every file, and a needless `npm ci` empties node_modules. */
function whyInstall() {
  if (!existsSync(`${root}node_modules`)) return 'node_modules is missing';
  const installed = readPackages(`${root}node_modules/.package-lock.json`);
  if (installed === undefined) return 'node_modules is incomplete';
  for (const [path, { version, optional }] of Object.entries(
    readPackages(`${root}package-lock.json`) ?? {},
  )) {
    // '' is the project itself; an optional package may be for another platform.
    if (path === '' || optional === true) continue;
    if (installed[path]?.version !== version) return `${path} is not ${version}`;
  }
  return undefined;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function install() {
  // No dependency needs its install script: what is native (esbuild, swc) comes as a package for each platform.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm run` this is npm itself; by hand it is the one on the PATH.
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status, signal, error } = spawnSync(command, [...prefix, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_TIMEOUT_MS,
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (status === 0) return;
  console.error(`setup: npm ci failed (${error?.message ?? signal ?? `status ${status}`})`);
  process.exit(1);
}
