/**
 * The portable entry where there is no Node: bundled as for a browser, and run in a context that has what the web has and
 * nothing else.
 */
import { randomBytes } from 'node:crypto';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { lastValueFrom, type Observable, of, tap, toArray } from 'rxjs';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { exitWith, serve } from '../../src/server/index.ts';
import { webDuplex } from '../../src/streams/web-streams.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import type { Page, Report } from './browser-program.ts';

const ROOT = join(__dirname, '../..');
/** What esbuild calls its own helpers. */
const RUNTIME = '<runtime>';

interface Bundle {
  readonly code: string;
  readonly metafile: Metafile;
  /** Files that have put something into the output, by path from the root of the repository. */
  readonly files: readonly string[];
}

/** Bundles as for a browser; a Node built-in that is asked for is then an error of the build. */
async function bundle(options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    globalName: 'bundle',
    platform: 'browser',
    target: 'es2022',
    conditions: ['rxssh-source'],
    logLevel: 'silent',
  });
  const outputs = Object.values(metafile.outputs);
  const files = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  );
  return { code: outputFiles[0]?.text ?? '', metafile, files };
}

/** The bundle of a program that uses this of a file. */
function using(names: string, file: string): Promise<Bundle> {
  const contents = `export ${names} from './${file}';`;
  return bundle({ stdin: { contents, resolveDir: ROOT, loader: 'ts' }, minify: true });
}

/** What a bundle asks its surroundings for. */
function importsOf({ metafile }: Bundle): readonly string[] {
  const { inputs, outputs } = metafile;
  return [...Object.values(inputs), ...Object.values(outputs)]
    .flatMap(({ imports }) =>
      imports.flatMap(({ path, external }) => (external === true || isBuiltin(path) ? [path] : [])),
    )
    .filter((path) => path !== RUNTIME);
}

/**
 * What the web has, as far as it concerns us. Promises, maps and errors are the context's own; bytes are those of its web
 * streams and of its crypto, as they are in a browser.
 */
function browser(): Record<string, unknown> {
  return {
    ...{ AbortController, AbortSignal, DOMException, Event, EventTarget },
    ...{ ReadableStream, TransformStream, WritableStream },
    ...{ TextDecoder, TextEncoder, URL, URLSearchParams },
    ...{ atob, btoa, crypto, performance, queueMicrotask, structuredClone },
    ...{ clearInterval, clearTimeout, setInterval, setTimeout },
    ...{ ArrayBuffer, Uint8Array },
  };
}

/** The floors of our house among some files. */
function floorsOf(paths: readonly string[]): readonly string[] {
  const floors = paths.flatMap((path) =>
    path.startsWith('src/') ? [path.split('/')[1] ?? ''] : [],
  );
  return [...new Set(floors)].sort();
}

interface Counter {
  count: number;
}

/** Counts what a hot source emits from now on. */
function count(source: Observable<unknown>): Counter {
  const counter = { count: 0 };
  source.subscribe(() => counter.count++);
  return counter;
}

/** A page that runs code: gives what an expression comes to there. */
function page(code: string): (expression: string) => unknown {
  const context = createContext(browser());
  const evaluate = (text: string): unknown => new Script(text).runInContext(context);
  evaluate(code);
  return evaluate;
}

describe('the portable entry', () => {
  let whole: Bundle;
  let program: Bundle;

  beforeAll(async () => {
    [whole, program] = await Promise.all([
      bundle({ entryPoints: ['src/index.ts'] }),
      bundle({ entryPoints: ['spec/portable/browser-program.ts'] }),
    ]);
  });

  it('asks for no built-in of Node', () => {
    expect(importsOf(whole)).toEqual([]);
  });

  it('has no file of ours that is for Node', () => {
    const ours = Object.keys(whole.metafile.inputs).filter((path) => path.startsWith('src/'));
    expect(ours).toContain('src/crypto/default-portable.ts');
    expect(ours).toContain('src/streams/web-streams.ts');
    expect(
      ours.filter((path) => /-node\.ts$|\/node-provider|^src\/cli\/|^src\/node\.ts$/.test(path)),
    ).toEqual([]);
  });

  it('asks nothing of its surroundings while it loads', () => {
    const context = createContext({ TextDecoder, TextEncoder });
    new Script(whole.code).runInContext(context);
    expect(new Script('typeof bundle.connect').runInContext(context)).toBe('function');
  });

  it('logs in, runs commands and changes keys over web streams', async () => {
    const hostKey = generatePrivateKey('ed25519');
    const input = [10, 70_000, 1].map((length) => Uint8Array.from(randomBytes(length)));
    const [there, back] = [
      new TransformStream<Uint8Array, Uint8Array>(),
      new TransformStream<Uint8Array, Uint8Array>(),
    ];
    let rekeyed: Counter = { count: 0 };
    const served = lastValueFrom(
      serve(webDuplex({ readable: there.readable, writable: back.writable }), {
        hostKeys: [hostKey],
        authenticate: (attempt) =>
          of(
            attempt.method === 'password' &&
              attempt.user === 'alice' &&
              attempt.password === 'correct horse',
          ),
        exec: (session, command) =>
          session.stdout.pump(session.stdin$).pipe(exitWith(command === 'cat' ? 3 : 255)),
      }).pipe(
        tap((event) => {
          if (event.type === 'authenticated') rekeyed = count(event.connection.rekeyed$);
        }),
        toArray(),
      ),
    );
    const evaluate = page(program.code);
    const ofNode = ['process', 'Buffer', 'require', 'module', 'global', 'setImmediate'];
    expect(ofNode.filter((name) => evaluate(`typeof ${name}`) !== 'undefined')).toEqual([]);

    const visit = evaluate('bundle.visit') as (page: Page) => Promise<Report>;
    const { kex, cipher, results, closedBy } = await visit({
      readable: back.readable,
      writable: there.writable,
      fingerprint: fingerprint(hostKey.publicKey.blob),
      ...{ user: 'alice', password: 'correct horse', input },
    });

    expect(kex).toBe('mlkem768x25519-sha256');
    expect(cipher).toBe('chacha20-poly1305@openssh.com');
    expect(results.map(({ exit }) => ({ ...exit }))).toEqual([
      { kind: 'status', status: 3 },
      { kind: 'status', status: 3 },
    ]);
    const echoed = Buffer.from(concatBytes(input));
    for (const { stdoutBytes } of results) expect(echoed.equals(stdoutBytes)).toBe(true);
    expect(rekeyed.count).toBe(1);
    expect(closedBy).toBe('disconnect');
    const events = await served;
    expect(events.map(({ type }) => type)).toEqual([
      ...['connection', 'handshake', 'auth-attempt', 'auth-attempt', 'authenticated'],
      ...['session', 'exec', 'exit', 'session-closed'],
      ...['session', 'exec', 'exit', 'session-closed'],
      'closed',
    ]);
  });
});

describe('the entry for Node', () => {
  it('does not bundle for a browser, so the checks above can fail', async () => {
    await expect(bundle({ entryPoints: ['src/node.ts'] })).rejects.toThrow('node:');
  });
});

describe('a bundle of a part', () => {
  it('has neither rxjs nor channels when it is rxssh/keys', async () => {
    const keys = await using('*', 'src/keys/index.ts');
    expect(importsOf(keys)).toEqual([]);
    const inputs = Object.keys(keys.metafile.inputs);
    expect(inputs.filter((path) => path.startsWith('node_modules/rxjs/'))).toEqual([]);
    expect(floorsOf(inputs)).toEqual(['crypto', 'errors.ts', 'keys', 'wire']);
  });

  it.each([
    { part: '{ parsePublicKey }', file: 'src/keys/index.ts', kibibytes: 10 },
    { part: '{ drain }', file: 'src/index.ts', kibibytes: 30 },
    { part: '{ memoryPair }', file: 'src/index.ts', kibibytes: 25 },
    { part: '{ connect, exec, text, webDuplex }', file: 'src/index.ts', kibibytes: 400 },
  ])('$part of $file is less than $kibibytes KiB', async ({ part, file, kibibytes }) => {
    const { code } = await using(part, file);
    expect(code.length).toBeLessThan(kibibytes * 1024);
  });

  it('has no server and no key files when it is a client', async () => {
    const { files } = await using('{ connect, exec, text, webDuplex }', 'src/index.ts');
    expect(floorsOf(files)).toContain('client');
    expect(floorsOf(files)).not.toContain('server');
    expect(floorsOf(files)).not.toContain('fleet');
    expect(files.filter((path) => path.includes('bcrypt'))).toEqual([]);
    // SFTP comes with a client; what serves it does not
    expect(
      files.filter((path) => /sftp\/(server-|sftp-server|memory-|scp-server|node-)/.test(path)),
    ).toEqual([]);
  });
});
