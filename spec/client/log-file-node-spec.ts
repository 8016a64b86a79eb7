import { appendFileSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { logFile } from '../../src/client/log-file-node.ts';
import { collect } from '../../src/client/output-operators.ts';
import { isSshError } from '../../src/errors.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { closeEmbedded, connected, embedded, turn } from '../support/embedded.ts';
import { useTempFolder } from '../support/temp-folder.ts';

afterEach(closeEmbedded);
const inFolder = useTempFolder();

function echo(options: Parameters<typeof embedded>[1]): ReturnType<typeof embedded> {
  return embedded((session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)), options);
}

async function logged(options: Parameters<typeof logFile>[1], text = 'hi'): Promise<string> {
  const file = inFolder('log');
  const { client$ } = echo({ client: { trace: logFile(file, options) } });
  const client = await connected(client$);
  await lastValueFrom(client.exec('cat', { stdin: text }).pipe(collect()));
  client.disconnect();
  await turn();
  return readFileSync(file, 'utf8');
}

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/;

describe('logFile', () => {
  it('writes a line an event, with its time, appended to what is there, for its owner alone', async () => {
    const log = await logged({ name: 'db1' });
    const lines = log.split('\n').slice(0, -1);
    for (const line of lines) expect(line).toMatch(LINE);
    expect(log).toContain('Z db1 alice logged in by password\n');
    expect(log).toContain('channel 0 session: closed\n');
    expect(lines.at(-1)).toMatch(/the connection has ended: disconnected by us$/);
    expect(log).not.toContain('CHANNEL_DATA');
    expect(statSync(inFolder('log')).mode & 0o777).toBe(0o600);
    expect((await logged({})).startsWith(log)).toBe(true);
  });

  it('writes no more than it is asked for', async () => {
    const log = await logged({ level: 1 });
    expect(log).toContain('host key ssh-ed25519');
    expect(log).not.toContain('channel 0');
  });

  it('writes packets, and their bytes on request, but not what channels carry', async () => {
    const log = await logged({ level: 3, hex: true }, 'tail of a dialogue');
    expect(log).toMatch(/sent \d+ CHANNEL_DATA channel 0, 27 bytes: 5e00000000 \[22 bytes\]\n/);
    expect(log).not.toContain(Buffer.from('dialogue').toString('hex'));
  });

  it('tells the connections of a server apart', async () => {
    const file = inFolder('log');
    const { client$ } = echo({ server: { trace: logFile(file) } });
    await connected(client$);
    expect(readFileSync(file, 'utf8')).toContain('alice logged in by password\n');
    const told = logFile(file);
    const peer = { address: '192.0.2.1', port: 4000 };
    told({ type: 'host-keys', outcome: 'x' }, { peer });
    expect(readFileSync(file, 'utf8')).toMatch(/Z 192\.0\.2\.1 port 4000 host keys: x\n$/);
  });

  it('is a config error for a level that there is none of', () => {
    const level = 9 as never;
    expect(() => logFile(inFolder('log'), { level })).toThrow('level 9 is none of 1, 2, 3');
  });

  it('is a config error for a file that cannot be written to, and ends nothing later', async () => {
    let thrown: unknown;
    try {
      logFile(inFolder('none', 'log'));
    } catch (error) {
      thrown = error;
    }
    expect(isSshError(thrown, 'config')).toBe(true);
    const file = inFolder('sub');
    const trace = logFile(file);
    rmSync(file);
    rmSync(inFolder(), { recursive: true });
    const client = await connected(echo({ client: { trace } }).client$);
    expect(client.isClosed).toBe(false);
    expect(() => appendFileSync(file, '')).toThrow('ENOENT');
  });
});
