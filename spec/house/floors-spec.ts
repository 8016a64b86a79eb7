/** The house rules fire: each row is a file that does not exist, linted with the real configuration. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

interface Row {
  readonly file: string;
  readonly code: string;
  /** The rule that must fire, or none. */
  readonly rule?: string;
}

const FLOORS = 'house/floors';

function imports(file: string, specifier: string, rule?: string): Row {
  const row = { file, code: `import { x } from '${specifier}'; void x;` };
  return rule === undefined ? row : { ...row, rule };
}

function titleOf({ file, code }: Row): string {
  return `in ${file}: ${code.slice(0, 60).replaceAll('\n', ' ')}`;
}

const ALLOWED: readonly Row[] = [
  imports('src/wire/x.ts', './reader.ts'),
  imports('src/wire/x.ts', '../errors.ts'),
  imports('src/messages/x.ts', '../wire/struct.ts'),
  imports('src/keys/x.ts', '#crypto'),
  imports('src/crypto/kex/x.ts', '@noble/curves/ed25519.js'),
  imports('src/crypto/x.ts', 'bcrypt-pbkdf'),
  imports('src/crypto/default-node.ts', './node-provider.ts'),
  imports('src/crypto/node-provider-hash.ts', 'node:crypto'),
  imports('src/transport/x.ts', '../keys/public-key.ts'),
  imports('src/operators/x.ts', 'rxjs'),
  imports('src/streams/tcp-node.ts', 'node:net'),
  imports('src/auth/methods/x.ts', '../client-state.ts'),
  imports('src/sftp/x.ts', '../channels/channel.ts'),
  imports('src/client/x.ts', '../auth/x.ts'),
  imports('src/fleet/x.ts', '../client/connect.ts'),
  imports('src/index.ts', './fleet/fan-out.ts'),
  imports('src/node.ts', './streams/tcp-node.ts'),
  imports('src/cli/x.ts', '../node.ts'),
  imports('src/cli/commands/x.ts', '../../keys/index.ts'),
  imports('src/cli/x.ts', 'commander'),
  imports('spec/wire/x-spec.ts', '../../src/wire/reader.ts'),
  imports('examples/x.ts', 'rxssh/keys'),
];

const FORBIDDEN: readonly Row[] = [
  // A floor above.
  imports('src/wire/x.ts', '../messages/transport.ts', FLOORS),
  imports('src/messages/x.ts', '../crypto/provider.ts', FLOORS),
  imports('src/messages/x.ts', '#crypto', FLOORS),
  imports('src/crypto/x.ts', '../keys/public-key.ts', FLOORS),
  imports('src/transport/x.ts', '../operators/frame.ts', FLOORS),
  imports('src/operators/x.ts', '../streams/transport.ts', FLOORS),
  imports('src/errors.ts', './wire/bytes.ts', FLOORS),
  imports('src/client/x.ts', '../index.ts', FLOORS),
  imports('src/client/x.ts', '../cli/main.ts', FLOORS),
  // A neighbour on the same floor.
  imports('src/client/x.ts', '../server/listen.ts', FLOORS),
  imports('src/server/x.ts', '../client/connect.ts', FLOORS),
  imports('src/auth/methods/x.ts', '../../channels/window.ts', FLOORS),
  imports('src/channels/x.ts', '../auth/signed-data.ts', FLOORS),
  imports('src/sftp/x.ts', '../forwarding/local.ts', FLOORS),
  // However it is written.
  { file: 'src/wire/x.ts', code: `export * from '../keys/x.ts';`, rule: FLOORS },
  { file: 'src/wire/x.ts', code: `export { x } from '../keys/x.ts';`, rule: FLOORS },
  { file: 'src/wire/x.ts', code: `export type X = import('../keys/x.ts').X;`, rule: FLOORS },
  { file: 'src/wire/x.ts', code: `export const x = import('../keys/x.ts');`, rule: FLOORS },
  // The command line is a program like any other.
  imports('src/cli/x.ts', '../client/connect.ts', FLOORS),
  imports('src/cli/x.ts', '../errors.ts', FLOORS),
  // A folder that nobody gave a floor, and the world outside.
  imports('src/attic/x.ts', '../wire/reader.ts', FLOORS),
  imports('src/client/x.ts', '../../spec/support/bytes.ts', FLOORS),
  imports('src/client/x.ts', 'lodash', FLOORS),
  imports('src/client/x.ts', 'commander', FLOORS),
  // rxjs.
  ...['wire', 'messages', 'crypto', 'keys', 'transport'].map((floor) =>
    imports(`src/${floor}/x.ts`, 'rxjs', FLOORS),
  ),
  imports('src/errors.ts', 'rxjs', FLOORS),
  imports('src/auth/client-state.ts', 'rxjs', FLOORS),
  imports('src/channels/window.ts', 'rxjs', FLOORS),
  imports('src/operators/x.ts', 'rxjs/operators', FLOORS),
  imports('spec/operators/x-spec.ts', 'rxjs/internal/Observable', 'no-restricted-imports'),
  // Node.
  imports('src/streams/tcp.ts', 'node:net', FLOORS),
  imports('src/crypto/noble-provider.ts', 'node:crypto', FLOORS),
  imports('src/index.ts', 'node:fs', FLOORS),
  imports('src/index.ts', './streams/tcp-node.ts', FLOORS),
  imports('src/crypto/default-portable.ts', './node-provider.ts', FLOORS),
  {
    file: 'src/wire/x.ts',
    code: 'export const x = Buffer.alloc(1);',
    rule: 'no-restricted-globals',
  },
  {
    file: 'src/wire/x.ts',
    code: 'export type X = Buffer;',
    rule: '@typescript-eslint/no-restricted-types',
  },
  // Crypto.
  imports('src/keys/x.ts', '@noble/hashes/sha2.js', FLOORS),
  imports('src/keys/x.ts', 'bcrypt-pbkdf', FLOORS),
  {
    file: 'src/transport/x.ts',
    code: 'export const x = Math.random();',
    rule: 'no-restricted-properties',
  },
  // The rest.
  { file: 'src/client/x.ts', code: `console.log('x');`, rule: 'no-console' },
  { file: 'src/client/x.ts', code: 'export default 1;', rule: 'no-restricted-exports' },
  { file: 'src/client/x.ts', code: 'void 0;\n'.repeat(301), rule: 'max-lines' },
  imports('examples/x.ts', '../src/node.ts', 'no-restricted-imports'),
];

describe('the house rules', () => {
  const messages = new Map<Row, readonly string[]>();

  beforeAll(() => {
    const rows = [...ALLOWED, ...FORBIDDEN];
    const output = execFileSync(process.execPath, [join(import.meta.dirname, 'lint-virtual.mjs')], {
      input: JSON.stringify(rows),
      encoding: 'utf8',
      timeout: 60_000,
    });
    const answers = JSON.parse(output) as string[][];
    rows.forEach((row, index) => messages.set(row, answers[index] ?? ['no answer']));
  }, 60_000);

  it.each(ALLOWED.map((row) => [titleOf(row), row] as const))('allow %s', (_title, row) => {
    expect(messages.get(row)).toEqual([]);
  });

  it.each(FORBIDDEN.map((row) => [titleOf(row), row] as const))('forbid %s', (_title, row) => {
    expect(messages.get(row)).toEqual([expect.stringMatching(`^${row.rule ?? ''}: `)]);
  });
});
