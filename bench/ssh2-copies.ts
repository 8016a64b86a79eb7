/**
 * npm ssh2 twice: with its native addon, and without it. `npm ci --ignore-scripts` builds no addon, and an installation with
 * scripts has one; so both are copies, kept in build/, and the addon is built once.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ssh2Copies {
  /** What to require for the copy without the addon. */
  readonly pure: string;
  /** For the copy with it; `undefined` when it does not build here. */
  readonly addon?: string;
}

const require = createRequire(import.meta.url);
const CACHE = fileURLToPath(new URL('../bench-ssh2/', import.meta.url));
const CRYPTO = 'lib/protocol/crypto';
const ADDON = `${CRYPTO}/build/Release/sshcrypto.node`;

export function prepareSsh2(log: (line: string) => void): Ssh2Copies {
  const pure = copy('pure');
  rmSync(join(pure, CRYPTO, 'build'), { recursive: true, force: true });
  const addon = copy('addon');
  if (!existsSync(join(addon, ADDON))) {
    log('building the native addon of ssh2');
    const problem = build(join(addon, CRYPTO));
    if (!existsSync(join(addon, ADDON))) {
      log(`the addon of ssh2 does not build here: ${problem}`);
      return { pure };
    }
  }
  return { pure, addon };
}

function copy(name: string): string {
  const source = dirname(require.resolve('ssh2/package.json'));
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  // Inside the repository, so that its own dependencies are found where they are.
  const target = join(CACHE, `${name}-${version}-${process.version}-${process.arch}`);
  if (!existsSync(join(target, 'complete'))) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    cpSync(source, target, { recursive: true });
    writeFileSync(join(target, 'complete'), '');
  }
  return target;
}

/** As its install script does. With the headers that came with Node, where they did. */
function build(folder: string): string {
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
  const major = /^\d+/.exec(process.versions.openssl)?.[0] ?? '3';
  const args = ['rebuild', `--real_openssl_major=${major}`, ...headers];
  const [command, first] = nodeGyp();
  const { status, stderr, error } = spawnSync(command, [...first, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status === 0) return 'it was built, and is not there';
  return (
    error?.message ?? stderr.split('\n').find((line) => /err/i.test(line)) ?? 'node-gyp failed'
  );
}

/** npm brings a node-gyp; under `npm run` it says where npm is. */
function nodeGyp(): readonly [command: string, args: readonly string[]] {
  const npm = process.env['npm_execpath'];
  const candidates = [
    ...(npm === undefined ? [] : [join(dirname(npm), '../node_modules')]),
    join(dirname(dirname(process.execPath)), 'lib/node_modules/npm/node_modules'),
  ].map((folder) => join(folder, 'node-gyp/bin/node-gyp.js'));
  const script = candidates.find((file) => existsSync(file));
  return script === undefined ? ['node-gyp', []] : [process.execPath, [script]];
}
