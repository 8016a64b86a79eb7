/**
 * ESLint rule: who may import whom in src/ (CONTRIBUTING.md, "Floors"). One rule with one table, because
 * `no-restricted-imports` replaces its options from block to block and cannot say "this folder, at any depth".
 */
import { basename, dirname, posix, sep } from 'node:path';

/** Each folder of src/ with the folders that it may import from; its own is understood. */
export const FLOORS = (() => {
  const wire = [];
  const messages = ['wire'];
  const crypto = ['wire'];
  const keys = ['wire', 'crypto'];
  const transport = ['wire', 'messages', 'crypto', 'keys'];
  const operators = [...transport, 'transport'];
  const streams = [...operators, 'operators'];
  // Neighbours on one floor never import each other.
  const auth = [...streams, 'streams'];
  const channels = auth;
  const sftp = [...auth, 'auth', 'channels'];
  const forwarding = sftp;
  const client = [...sftp, 'sftp', 'forwarding'];
  const server = client;
  const fleet = [...client, 'client', 'server'];
  const gateway = fleet;
  return {
    ...{ wire, messages, crypto, keys, transport, operators, streams },
    ...{ auth, channels, sftp, forwarding, client, server, fleet, gateway },
  };
})();

/** The roof: files of src/ itself that may import anything below. Other files of src/ itself are the ground. */
const ROOF = ['index.ts', 'node.ts', 'portable.ts'];

/** What the command line sees: only what a user's program can. */
const PUBLIC = /^(index|node|portable|[a-z]+\/index)\.ts$/;

const PURE = ['wire', 'messages', 'crypto', 'keys', 'transport'];
const PURE_FILE = /(-state|^window|^request-table)\.ts$/;
const NODE_FILE = /(-node\.ts$|^node-provider[^/]*\.ts$)/;

/** Is this file of src/ (a path relative to src/) allowed to know about Node? */
export function isNodeFile(path) {
  return path === 'node.ts' || path.startsWith('cli/') || NODE_FILE.test(basename(path));
}

/** Every file of src/, as a path relative to src/; undefined for a file elsewhere. */
function pathInSource(file, cwd) {
  const path = file.split(sep).join('/');
  const root = `${cwd.split(sep).join('/')}/src/`;
  return path.startsWith(root) ? path.slice(root.length) : undefined;
}

function folderOf(path) {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

/** Why `path` must not import `specifier`, or undefined when it may. */
export function whyForbidden(path, specifier) {
  if (specifier.startsWith('.')) {
    const target = posix.join(dirname(path), specifier);
    if (target.startsWith('../')) return 'src/ imports nothing outside itself';
    return whyForbiddenSource(path, target);
  }
  if (specifier === '#crypto') return whyForbiddenSource(path, 'crypto/provider.ts');
  return whyForbiddenPackage(path, specifier);
}

function whyForbiddenSource(path, target) {
  const from = folderOf(path);
  const to = folderOf(target);
  if (from === 'cli') {
    return to === 'cli' || PUBLIC.test(target)
      ? undefined
      : 'src/cli uses only what a program of a user can: the public entries';
  }
  if (to === 'cli') return 'nothing imports src/cli';
  if (isNodeFile(target) && !isNodeFile(path)) return 'a portable file imports no Node file';
  if (from === '' && ROOF.includes(path)) return undefined;
  if (to === '') {
    return ROOF.includes(target) ? 'only src/cli imports the roof (index.ts, node.ts)' : undefined;
  }
  if (from === '') return 'a file of src/ itself is the ground, and imports no floor';
  const allowed = FLOORS[from];
  if (allowed === undefined) return `src/${from} has no floor yet: scripts/lint/floors.mjs`;
  if (from === to || allowed.includes(to)) return undefined;
  return `src/${from} may import from ${['src/*.ts', ...allowed.map((name) => `src/${name}`)].join(', ')}`;
}

function whyForbiddenPackage(path, specifier) {
  const from = folderOf(path);
  if (specifier.startsWith('node:')) {
    return isNodeFile(path)
      ? undefined
      : 'Node built-ins live in files named *-node.ts, in src/cli, src/node.ts and src/crypto/node-provider*.ts';
  }
  if (specifier === 'rxjs') {
    if (from === '' && !ROOF.includes(path)) return 'no rxjs in the ground';
    if (PURE.includes(from)) return 'no rxjs below src/operators';
    if (PURE_FILE.test(basename(path))) return 'a reducer knows no rxjs';
    return undefined;
  }
  if (/^(commander|cli-progress)$/.test(specifier)) {
    return from === 'cli' ? undefined : `${specifier} is for src/cli`;
  }
  if (/^(@noble\/|bcrypt-pbkdf$|pako$)/.test(specifier)) {
    return from === 'crypto' ? undefined : 'nothing outside src/crypto names a crypto library';
  }
  return 'not a dependency that src/ may import';
}

export const floors = {
  meta: {
    type: 'problem',
    docs: { description: 'a file imports only from its own folder and the floors below' },
    schema: [],
    messages: { forbidden: "'{{specifier}}' must not be imported here: {{why}}." },
  },
  create(context) {
    const path = pathInSource(context.filename, context.cwd);
    if (path === undefined) return {};
    const check = (node) => {
      const specifier = node?.value ?? node?.literal?.value;
      if (typeof specifier !== 'string') return;
      const why = whyForbidden(path, specifier);
      if (why !== undefined) {
        context.report({ node, messageId: 'forbidden', data: { specifier, why } });
      }
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument),
    };
  },
};
