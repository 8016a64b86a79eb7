import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, Subscription, toArray } from 'rxjs';
import { connect, type ConnectOptions } from '../../src/client/connect-node.ts';
import { text } from '../../src/client/output-operators.ts';
import { proxyCommand, type ProxyCommandOptions } from '../../src/client/proxy-command-node.ts';
import { exec, withClient } from '../../src/client/with-client.ts';
import { isSshError, type SshError } from '../../src/errors.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { describeWithPeer, programFile, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { useTempFolder } from '../support/temp-folder.ts';

let open = new Subscription();
beforeEach(() => {
  open = new Subscription();
});
afterEach(() => {
  open.unsubscribe();
});
const inFolder = useTempFolder();

function script(code: string, ...words: readonly string[]): [string, ...string[]] {
  return [process.execPath, '-e', code, ...words];
}

/** What the connection is told of the end. */
async function failure(
  command: [string, ...string[]],
  said: ProxyCommandOptions = {},
): Promise<SshError> {
  const options = { user: 'me', duplex: proxyCommand(command, said), agent: false } as const;
  const error = await lastValueFrom(connect('db1', options)).catch((thrown: unknown) => thrown);
  if (!isSshError(error)) throw error;
  return error;
}

describe('proxyCommand', () => {
  it('L2: gives the words to the program as they are, and to no shell', async () => {
    const nasty = ['$(touch p)', '`id`', 'a b', '\'"', '*', '|', ''];
    const command = script('console.log(JSON.stringify(process.argv.slice(1)))', ...nasty);
    const printed = proxyCommand(command).pipe(withClient(({ readable$ }) => readable$));
    const chunks = await lastValueFrom(printed.pipe(map(utf8Text), toArray()));
    expect(JSON.parse(chunks.join(''))).toEqual(nasty);
  });

  it.each([[''], ['cat\0'], ['cat', '\0']])(
    'errors with config for words that are none: %j',
    async (...words) => {
      const error = await failure(words);
      expect([error.kind, error.message]).toEqual([
        'config',
        expect.stringContaining('cannot be run'),
      ]);
    },
  );

  it('errors with exit, its status and the end of its stderr, when it ends early', async () => {
    const error = await failure(script('console.error("no route\\x1b[2J"); process.exitCode = 7'));
    expect(isSshError(error, 'exit') && error.detail).toEqual({
      exit: { kind: 'status', status: 7 },
      stderrTail: 'no route\\x1b[2J',
    });
    expect([error.message, error.transient]).toEqual([
      'the proxy command ended with status 7',
      true,
    ]);
  });

  it('errors with exit by a signal, and with connection-lost when it just ends', async () => {
    const killed = await failure(script('process.kill(process.pid, "SIGKILL")'));
    expect(isSshError(killed, 'exit') && killed.detail.exit).toMatchObject({ signal: 'KILL' });
    expect((await failure(script(''))).kind).toBe('connection-lost');
  });

  it('errors with config for a program that is not there', async () => {
    const error = await failure(['/none/such']);
    expect([error.kind, error.message]).toEqual([
      'config',
      'the proxy command "/none/such" cannot be run: spawn /none/such ENOENT',
    ]);
  });

  it('passes stderr on as it comes', async () => {
    const said: string[] = [];
    const command = script('console.error("hello"); process.stdin.resume()');
    await new Promise<void>((resolve) => {
      const stderr = (bytes: Uint8Array): void => {
        said.push(utf8Text(bytes));
        resolve();
      };
      open.add(proxyCommand(command, { stderr }).subscribe());
    });
    expect(said.join('')).toBe('hello\n');
  });

  it('errors with connection-lost when what hears stderr throws', async () => {
    const command = script('console.error("hello"); process.stdin.resume()');
    const stderr = (): never => {
      throw new TypeError('no ears');
    };
    const error = await failure(command, { stderr });
    expect([error.kind, error.message]).toEqual([
      'connection-lost',
      expect.stringContaining('no ears'),
    ]);
  });

  it.each([
    ['leaves at the end of its input', 'process.stdin.resume()'],
    ['takes no notice of it', 'setInterval(() => {}, 1000)'],
    [
      'takes no notice of TERM either',
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)',
    ],
  ])('ends a program that %s, when it is unsubscribed', async (_name, code) => {
    const file = inFolder('pid');
    const command = script(
      `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); ${code}; console.log("up")`,
    );
    const duplex = await new Promise((resolve) => {
      open.add(
        proxyCommand(command).subscribe((opened) =>
          open.add(opened.readable$.subscribe(() => resolve(opened))),
        ),
      );
    });
    expect(duplex).toBeDefined();
    const pid = Number(readFileSync(file, 'utf8'));
    const isThere = (): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    expect(isThere()).toBe(true);
    open.unsubscribe();
    const deadline = Date.now() + 5000;
    while (isThere() && Date.now() < deadline) await new Promise((done) => setTimeout(done, 5));
    expect(isThere()).toBe(false);
  });

  it('carries half-closes and both ways', async () => {
    const command = script('process.stdin.pipe(process.stdout)');
    const echoed = await new Promise<string>((resolve) => {
      open.add(
        proxyCommand(command).subscribe((duplex) => {
          open.add(
            duplex.readable$
              .pipe(toArray())
              .subscribe((all) => resolve(all.map(utf8Text).join(''))),
          );
          duplex.write(utf8Bytes('there and back'), () => duplex.end());
        }),
      );
    });
    expect(echoed).toBe('there and back');
  });
});

describeWithPeer('sshd', 'proxyCommand at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());

  const options = (command: readonly [string, ...string[]]): Partial<ConnectOptions> => {
    const { user, port, identityFiles } = peer();
    return {
      ...{ user, port, agent: false, identityFiles: identityFiles.slice(0, 1) },
      ...{ duplex: proxyCommand(command), knownHostsFiles: [] },
      hostKeys: { policy: 'no', warn: () => undefined },
    };
  };
  const runs = (command: readonly [string, ...string[]]): Promise<string> =>
    firstValueFrom(connect('127.0.0.1', options(command)).pipe(exec('echo in'), text()));

  it('logs in through sshd -i, which is a program with a connection for input and output', async () => {
    const config = join(dirname(peer().identityFiles[0] ?? ''), 'sshd_config');
    expect(await runs([programFile('sshd') ?? 'sshd', '-i', '-f', config])).toBe('in\n');
  });

  it('logs in through ssh -W', async () => {
    const { user, port, identityFiles } = peer();
    const way = ['-p', String(port), '-l', user, '-i', identityFiles[0] ?? '', '-F', 'none'];
    const trust = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    const to = `127.0.0.1:${String(port)}`;
    expect(await runs(['ssh', '-W', to, '-q', ...way, ...trust, '127.0.0.1'])).toBe('in\n');
  });
});
