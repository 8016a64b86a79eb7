/**
 * The portable entry in Chromium: one command's output by chacha20-poly1305 from sshd on loopback, over a WebSocket and a relay in this
 * process. Ends with 1 when the median is below the mark. A debugger would be told of every message, and is not there.
 *
 *   node build/bench/browser.js [--runs N] [--size MIB] [--cipher NAME] [--chromium PROGRAM]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { connectTcp, fingerprint, splice, webSocketDuplex } from 'rxssh';
import { parsePublicKeyLine } from 'rxssh/keys';
import { switchMap } from 'rxjs';
import { WebSocketServer } from 'ws';
import { startSshd } from './sshd.ts';
import { spreadOf } from './statistics.ts';
import { COMMANDS, type Server } from './task.ts';

/** MB a second that the median has to reach. */
const MARK = 100;
const HTML = '<!doctype html><script type="module" src="page.js"></script>';
const HEADLESS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** What the page is told. */
export interface PageTask extends Pick<Server, 'host' | 'port' | 'user'> {
  /** A private key as text. */
  readonly key: string;
  readonly fingerprint: string;
  readonly cipher: string;
  readonly command: string;
  readonly bytes: number;
  readonly runs: number;
}

/** What it says in the end. */
interface Answer {
  readonly rates?: readonly number[];
  readonly error?: string;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    size: { type: 'string', default: '512' },
    cipher: { type: 'string', default: 'chacha20-poly1305@openssh.com' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});

async function bundledPage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('browser-page.js', import.meta.url))],
    // the package by its name, and not where tsconfig.json leads to
    tsconfigRaw: {},
    ...{ bundle: true, write: false, platform: 'browser', format: 'esm', target: 'es2022' },
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

function taskFor({ host, port, user, identityFile, hostKey }: Server): PageTask {
  const bytes = Number(values.size) * 1024 * 1024;
  return {
    ...{ host, port, user, bytes, cipher: values.cipher, runs: Number(values.runs) },
    key: readFileSync(identityFile, 'utf8'),
    fingerprint: fingerprint(parsePublicKeyLine(hostKey).publicKey),
    command: COMMANDS.download(bytes),
  };
}

/** Serves the page and its relay to a Chromium of its own, until the page has answered. */
async function inChromium(script: string, task: PageTask): Promise<Answer> {
  const profile = mkdtempSync(join(tmpdir(), 'rxssh-bench-chromium-'));
  const web = createServer();
  const relay = new WebSocketServer({ server: web, perMessageDeflate: false });
  relay.on('connection', (socket) => {
    const page = webSocketDuplex(socket);
    connectTcp(task)
      .pipe(switchMap((server) => splice(page, server)))
      .subscribe({ error: () => socket.terminate() });
  });
  const answered = new Promise<Answer>((resolve) => {
    web.on('request', (request, response) => answer(request, response, script, task, resolve));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  const chromium = spawn(
    values.chromium,
    [...HEADLESS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`],
    { stdio: 'ignore' },
  );
  const ended = new Promise<Answer>((resolve) => {
    chromium.once('error', (error) => resolve({ error: error.message }));
    chromium.once('close', () => resolve({ error: 'Chromium has ended' }));
  });
  try {
    return await Promise.race([answered, ended]);
  } finally {
    chromium.kill();
    await ended;
    web.close();
    web.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  script: string,
  task: PageTask,
  done: (answer: Answer) => void,
): void {
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/': ['text/html', HTML],
    '/page.js': ['text/javascript', script],
    '/task.json': ['application/json', JSON.stringify(task)],
  };
  const [type = 'text/plain', text = ''] = files[request.url ?? ''] ?? [];
  response.setHeader('content-type', type);
  if (request.method !== 'POST') {
    response.end(text);
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
  request.once('end', () => {
    response.end();
    done(JSON.parse(body) as Answer);
  });
}

const sshd = await startSshd();
try {
  const { rates, error } = await inChromium(await bundledPage(), taskFor(sshd.server));
  if (rates === undefined) throw new Error(error);
  const { median, min, max } = spreadOf(rates);
  const range = `${min.toFixed(0)} to ${max.toFixed(0)}, ${rates.length} runs of ${values.size} MiB`;
  console.log(`download in Chromium, ${values.cipher}: ${median.toFixed(0)} MB/s (${range})`);
  if (median < MARK) process.exitCode = 1;
} finally {
  sshd.stop();
}
