/**
 * Checks what would be published, from the tarball itself: links, publint, arethetypeswrong, loading every entry by `import` and by
 * `require`, compiling programs against the types, and bundling the portable entry for a browser, where it must load without
 * anything of Node.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
// Its own package.json makes it another package, so that `rxssh` is the unpacked one; other packages are found further up.
const place = join(root, 'build/pack');
const { name, version, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.keys(exports)
  .filter((key) => key !== './package.json')
  .map((key) => name + key.slice(1));

rmSync(place, { recursive: true, force: true });
mkdirSync(join(place, 'node_modules'), { recursive: true });
writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }\n');

const tarball = join(place, `${name}-${version}.tgz`);
const npm = process.env.npm_execpath?.endsWith('.js')
  ? [process.execPath, process.env.npm_execpath]
  : ['npm'];
run('npm pack', [...npm, 'pack', '--silent', '--ignore-scripts', '--pack-destination', place]);
run('tar', ['tar', '-xzf', tarball, '-C', place]);
renameSync(join(place, 'package'), join(place, 'node_modules', name));

const bin = (file) => join(root, 'node_modules', file);
run('publint', [process.execPath, bin('publint/src/cli.js'), 'run', tarball, '--strict']);
run('attw', [
  ...[process.execPath, bin('@arethetypeswrong/cli/dist/index.js'), tarball],
  ...['--profile', 'esm-only', '--no-emoji', '--format', 'ascii'],
]);
checkLinks('README.md');
loadEverywhere();
compile('Node', { module: ts.ModuleKind.NodeNext, types: ['node'] }, entries);
compile(
  'a browser',
  {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  },
  [name],
);
await bundlePortable();
console.log('pack: all is well');

/** What a page of the package leads to has to be in the package. */
function checkLinks(page) {
  const text = readFileSync(join(place, 'node_modules', name, page), 'utf8');
  const targets = [...text.matchAll(/\]\((?![a-z]+:|#)([^)#]+)/g)].map(([, target]) => target);
  const dead = targets.filter((target) => !existsSync(join(place, 'node_modules', name, target)));
  if (dead.length > 0) throw new Error(`${page} leads to what is not packed: ${dead.join(', ')}`);
}

function loadEverywhere() {
  const modules = join(place, 'load.mjs');
  const commonjs = join(place, 'load.cjs');
  writeFileSync(modules, entries.map((entry) => `await import('${entry}');\n`).join(''));
  writeFileSync(commonjs, entries.map((entry) => `require('${entry}');\n`).join(''));
  run('import', [process.execPath, modules]);
  run('require', [process.execPath, '--no-warnings', commonjs]);
}

/** Without `skipLibCheck`: the published types must stand by themselves. */
function compile(where, options, specifiers) {
  const file = join(place, `types-for-${where.replace(' ', '-').toLowerCase()}.ts`);
  writeFileSync(
    file,
    specifiers.map((entry, index) => `export * as e${index} from '${entry}';\n`).join(''),
  );
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    typeRoots: [join(root, 'node_modules/@types')],
    ...options,
  });
  // Only our own types are ours to judge.
  const own = ts
    .getPreEmitDiagnostics(program)
    .filter((found) => found.file === undefined || found.file.fileName.startsWith(place));
  if (own.length > 0) {
    console.error(
      ts.formatDiagnostics(own, {
        getCanonicalFileName: (path) => path,
        getCurrentDirectory: () => place,
        getNewLine: () => '\n',
      }),
    );
    fail(`the types do not compile for ${where}`);
  }
  console.log(`pack: types compile for ${where}`);
}

async function bundlePortable() {
  const { outputFiles } = await build({
    stdin: {
      contents: `import * as all from '${name}'; globalThis.all = all;`,
      resolveDir: place,
    },
    // Not ours, whose `paths` lead to the source.
    tsconfigRaw: {},
    bundle: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    logLevel: 'error',
  });
  const [{ contents, text }] = outputFiles;
  // What a browser, Deno and Bun have too; above all, no Buffer, no process and no require.
  const world = vm.createContext({});
  for (const key of [
    ...['TextEncoder', 'TextDecoder', 'crypto', 'AbortController', 'AbortSignal', 'DOMException'],
    ...['URL', 'Event', 'EventTarget', 'performance', 'queueMicrotask', 'console'],
    ...[
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'WebAssembly',
      'atob',
      'btoa',
    ],
    ...['ReadableStream', 'WritableStream', 'TransformStream', 'structuredClone'],
  ]) {
    world[key] ??= globalThis[key];
  }
  vm.runInContext(text, world);
  if (Object.keys(world.all).length === 0) fail('the portable bundle exports nothing');
  const kilobytes = (bytes) => `${Math.ceil(bytes / 1024)} kB`;
  console.log(
    `pack: the portable entry loads without Node: ${kilobytes(contents.length)} minified, ${kilobytes(gzipSync(contents).length)} gzipped`,
  );
}

function run(what, [command, ...args]) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', what === 'npm pack' ? 'ignore' : 'inherit', 'inherit'],
    timeout: 120_000,
  });
  if (status !== 0) fail(`${what} failed${error === undefined ? '' : `: ${error.message}`}`);
  console.log(`pack: ${what} done`);
}

function fail(message) {
  console.error(`pack: ${message}`);
  process.exit(1);
}
