/** The page of examples/browser in Debian's Chromium, with its relay and its server as a process of their own. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { bundlePage } from '../../examples/browser/bundle.ts';
import { buildExamples, type Example, type Examples } from '../support/examples.ts';
import { describeWithPeer } from '../support/peers/peer.ts';

const ROOT = join(import.meta.dirname, '../..');
const USER = 'guest';
const SIZE = 64 * 1024 * 1024;
const LONG = 60_000;
/** Nothing is asked of the network but the page, and of the machine but a processor. */
const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

/** The server, the relay and the page at work. */
interface Served {
  readonly example: Example;
  readonly url: string;
  readonly port: string;
  readonly sshPort: string;
  readonly fingerprint: string;
  readonly password: string;
  readonly key: string;
}

describeWithPeer('chromium', 'SSH in a page', () => {
  let folder = '';
  let examples: Examples;
  let browser: Browser;
  let served: Served;
  let page: Page;

  async function serve(port = '0', sshPort = '0'): Promise<Served> {
    const args = ['--port', port, '--ssh-port', sshPort, '--page', folder];
    const example = examples.start('browser/main', args);
    const [, ssh = '', fingerprint = ''] = await example.printed(
      /^server +127\.0\.0\.1:(\d+), host key (\S+)/m,
    );
    const [, password = ''] = await example.printed(/with password (\S+),/);
    const [key = ''] = await example.printed(/-----BEGIN[^]*-----END [A-Z ]+-----/);
    const [, url = '', web = ''] = await example.printed(/^page +(http:\/\/127\.0\.0\.1:(\d+)\/)/m);
    return { example, url, port: web, sshPort: ssh, fingerprint, password, key };
  }

  async function stop({ example }: Served): Promise<void> {
    example.child.kill('SIGTERM');
    await example.ended;
  }

  async function fillIn(fields: Readonly<Record<string, string>>): Promise<void> {
    await page.getByLabel('User').fill(USER);
    for (const [label, text] of Object.entries(fields)) await page.getByLabel(label).fill(text);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
  }

  async function logIn(): Promise<void> {
    await fillIn({ Password: served.password });
    await page.getByRole('button', { name: 'Yes, trust it' }).click();
    await page.locator('.xterm.focus').waitFor();
    await page.getByRole('button', { name: 'random-64MiB.bin' }).waitFor();
  }

  const status = (text: string | RegExp): Promise<void> =>
    page.getByRole('status').filter({ hasText: text }).waitFor();

  const screen = (text: string | RegExp): Promise<void> =>
    page.locator('.xterm-rows > div').filter({ hasText: text }).first().waitFor();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxssh-page-'));
    [examples, browser] = await Promise.all([
      buildExamples('browser/main'),
      chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS, timeout: LONG }),
      bundlePage(folder, {
        conditions: ['rxssh-source'],
        alias: { rxssh: join(ROOT, 'src/index.ts') },
        minify: false,
      }),
    ]);
    served = await serve();
  }, LONG);

  afterAll(async () => {
    await browser.close();
    examples.remove();
    rmSync(folder, { recursive: true, force: true });
  }, LONG);

  beforeEach(async () => {
    // a context of its own knows no hosts
    page = await browser.newPage({ viewport: { width: 1200, height: 700 } });
    page.setDefaultTimeout(LONG);
    await page.goto(served.url);
  });

  afterEach(async () => {
    await page.context().close();
  });

  it(
    'asks about the host key, logs in by password and shows what a command says',
    async () => {
      await fillIn({ Password: served.password });
      const question = page.getByRole('dialog');
      expect(await question.locator('code').innerText()).toBe(served.fingerprint);
      expect(await question.innerText()).toContain(`127.0.0.1:${served.sshPort}`);
      await page.getByRole('button', { name: 'Yes, trust it' }).click();
      await status('chacha20-poly1305@openssh.com');
      await page.locator('.xterm.focus').waitFor();
      await page.keyboard.type('echo $((6 * 7)) is the answer\r');
      await screen('42 is the answer');
    },
    LONG,
  );

  it(
    'trusts nobody who is not trusted in the dialog',
    async () => {
      await fillIn({ Password: served.password });
      await page.getByRole('button', { name: 'No, leave' }).click();
      await page.getByRole('alert').filter({ hasText: 'it was not accepted' }).waitFor();
      await status('Not connected');
    },
    LONG,
  );

  it(
    'logs in with a key that was pasted, and does not ask about a host that it knows',
    async () => {
      await logIn();
      await page.getByRole('button', { name: 'Disconnect' }).click();
      await status('Disconnected');
      await page.reload();
      await page.getByText('or with a key').click();
      await fillIn({ 'Private key': served.key });
      await page.getByRole('button', { name: 'Disconnect' }).waitFor();
      await served.example.printed(/guest has logged in by publickey/);
    },
    LONG,
  );

  it(
    'tells the server the size of the terminal, which follows that of the window',
    async () => {
      await logIn();
      await page.locator('#terminal').click();
      const rows = page.locator('.xterm-rows > div');
      const askSize = async (when: string): Promise<[rows: number, columns: number]> => {
        await page.keyboard.type(`echo ${when} $(stty size)\r`);
        const answer = rows.filter({ hasText: new RegExp(`^${when} \\d+ \\d+\\s*$`) }).first();
        const [, high, wide] = (await answer.innerText()).split(/\s+/).map(Number);
        return [high ?? 0, wide ?? 0];
      };
      const before = await askSize('before');
      await page.setViewportSize({ width: 800, height: 500 });
      await rows.nth(before[0] - 1).waitFor({ state: 'detached' });
      const [high, wide] = await askSize('after');
      expect([high < before[0], wide < before[1]]).toEqual([true, true]);
      await served.example.printed(new RegExp(`the terminal has ${wide} columns and ${high} rows`));
    },
    LONG,
  );

  it(
    'lists folders, and leads into them and back',
    async () => {
      await logIn();
      await page.getByRole('button', { name: 'notes' }).click();
      await page.getByRole('button', { name: 'welcome.txt' }).waitFor();
      await page.getByRole('navigation').getByRole('button', { name: '/', exact: true }).click();
      await page.getByRole('button', { name: 'random-1MiB.bin' }).waitFor();
    },
    LONG,
  );

  it(
    'downloads 64 MiB, the same ones',
    async () => {
      await logIn();
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'random-64MiB.bin' }).click();
      const hash = createHash('sha256');
      await pipeline(createReadStream(await (await saved).path()), hash);
      const expected = hash.digest('hex');
      const row = page.getByLabel('Transfers').getByRole('listitem');
      await row.filter({ hasText: `SHA-256 ${expected}` }).waitFor();
      expect(await row.innerText()).toContain(`${String(SIZE / 1024 ** 2)}.0 MiB`);
      await page.locator('#terminal').click();
      await page.keyboard.type('sha256sum random-64MiB.bin\r');
      await screen(`${expected}  random-64MiB.bin`);
    },
    LONG,
  );

  it(
    'uploads a file to the folder that is shown, and leaves alone what is there',
    async () => {
      await logIn();
      await page.getByRole('button', { name: 'notes' }).click();
      await page.getByRole('button', { name: 'welcome.txt' }).waitFor();
      const buffer = Buffer.alloc(3 * 1024 * 1024, 'rx');
      const file = { name: 'from here.bin', mimeType: 'application/octet-stream', buffer };
      const rows = page.getByLabel('Transfers').getByRole('listitem');
      await page.getByLabel('Upload files').setInputFiles(file);
      await rows
        .filter({ hasText: 'from here.bin3.0 MiB' })
        .filter({ hasText: 'uploaded' })
        .waitFor();
      await page.getByRole('button', { name: 'from here.bin' }).waitFor();
      await page.getByLabel('Upload files').setInputFiles(file);
      await rows.getByRole('alert').waitFor();
      await page.locator('#terminal').click();
      await page.keyboard.type('sha256sum notes/from*\r');
      await screen(createHash('sha256').update(buffer).digest('hex'));
    },
    LONG,
  );

  it(
    'shows a terminal that is slower than its server all that it says',
    async () => {
      await logIn();
      await page.locator('#terminal').click();
      await page.keyboard.type('seq 300000; echo all of them: $?\r');
      await screen(/^300000\s*$/);
      await screen('all of them: 0');
    },
    LONG,
  );

  it(
    'disconnects: the server sees the end',
    async () => {
      const ended = served.example.printed(/logged in[^]*a connection is over: disconnected/);
      await logIn();
      await page.getByRole('button', { name: 'Disconnect' }).click();
      await status(`Disconnected from ${USER}@127.0.0.1:${served.sshPort}`);
      await ended;
    },
    LONG,
  );

  it(
    'tells how the shell has ended',
    async () => {
      await logIn();
      await page.locator('#terminal').click();
      await page.keyboard.type('exit 3\r');
      await status('The shell ended with status 3');
    },
    LONG,
  );

  it(
    'refuses a wrong password',
    async () => {
      await fillIn({ Password: 'not it' });
      await page.getByRole('button', { name: 'Yes, trust it' }).click();
      await page.getByRole('alert').filter({ hasText: 'password' }).waitFor();
      await status('Not connected');
      expect(await page.getByRole('button', { name: 'Disconnect' }).isVisible()).toBe(false);
    },
    LONG,
  );

  it(
    'says so when the server stops, and then refuses another key of the same host until the old one is forgotten',
    async () => {
      const first = await serve();
      await page.goto(first.url);
      await fillIn({ Password: first.password });
      await page.getByRole('button', { name: 'Yes, trust it' }).click();
      await page.getByRole('button', { name: 'Disconnect' }).waitFor();
      await stop(first);
      await page
        .getByRole('alert')
        .filter({ hasText: /disconnected|connection lost/ })
        .waitFor();
      await status('Not connected');

      const second = await serve(first.port, first.sshPort);
      await page.goto(second.url);
      await fillIn({ Password: second.password });
      const alarm = page.getByRole('alert');
      await alarm.filter({ hasText: 'The host key has changed!' }).waitFor();
      expect(await alarm.innerText()).toContain(second.fingerprint);
      await page.getByRole('button', { name: 'forget its old key' }).click();
      await fillIn({ Password: second.password });
      expect(await page.getByRole('dialog').locator('code').innerText()).toBe(second.fingerprint);
      await page.keyboard.press('Escape');
      await status('Not connected');
      await stop(second);
    },
    LONG,
  );

  it(
    'has a relay that connects to what is allowed, for its own page',
    async () => {
      const refusal = async (path: string, origin: string): Promise<string> => {
        const url = `ws://127.0.0.1:${served.port}${path}`;
        const [error] = (await once(new WebSocket(url, { origin }), 'error')) as [Error];
        return error.message;
      };
      const own = served.url.slice(0, -1);
      expect([
        await refusal('/relay/127.0.0.1:22', own),
        await refusal('/', own),
        await refusal(`/relay/127.0.0.1:${served.sshPort}`, 'https://elsewhere.example'),
      ]).toEqual(Array(3).fill('Unexpected server response: 403'));
    },
    LONG,
  );
});
