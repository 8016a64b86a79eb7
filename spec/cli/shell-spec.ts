/** `rxssh shell`: on a real terminal, at OpenSSH's sshd and at our own server. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { type OnTerminal, onTerminal } from '../support/peers/on-terminal.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, type Peer, type PeerName, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { type Ended, useCli } from './cli.ts';
import { describeOnTerminal, runDialogue } from './terminal.ts';

const cli = useCli();
let open: OnTerminal | undefined;

afterEach(async () => {
  open?.stop();
  await open?.exited;
  open = undefined;
});

/** What the terminal is like behind the program. */
const REPORT = '"$@"; echo "status=$?"; stty -a';

describeShell('OpenSSH sshd', 'sshd', () => startSshd({ config: ['AcceptEnv LANG LC_* RXSSH_*'] }));
describeShell('our server', 'npm', () =>
  startOurServer({ pty: true, acceptEnv: ['LANG', 'RXSSH_*'] }),
);

function describeShell(name: string, needs: PeerName, start: () => Promise<Peer>): void {
  describeWithPeer(needs, `rxssh shell at ${name}`, () => {
    const peer = usePeer(start);
    beforeAll(() => {
      writeFileSync(cli.file(`known-${needs}`), `${peer().knownHostsLines.join('\n')}\n`);
    });

    const args = (...more: readonly string[]): string[] => {
      const { user, host, port, identityFiles } = peer();
      const [identity = ''] = identityFiles;
      const known = `UserKnownHostsFile=${cli.file(`known-${needs}`)}`;
      return ['shell', '-i', identity, '-o', known, '-l', user, '-p', String(port), ...more, host];
    };
    const shell = (...more: readonly string[]): OnTerminal => {
      const command = [process.execPath, cli.program(), ...args(...more)];
      const env = { PATH: process.env['PATH'], HOME: cli.file('.'), LANG: 'C.UTF-8', RXSSH_A: 'b' };
      open = onTerminal(['/bin/sh', '-c', REPORT, 'sh', ...command], env);
      return open;
    };
    const piped = (stdin: string, ...more: readonly string[]): Promise<Ended> =>
      cli.run(args(...more), { stdin });
    /** Resolves when the shell there reads its input. */
    const ready = async (terminal: OnTerminal): Promise<void> => {
      terminal.type("PS1='re''ady> '; stty -echo\r");
      await terminal.shows(/ready> /);
    };
    /** Resolves with the exit status when the terminal is as it was. */
    const restored = async (terminal: OnTerminal): Promise<number> => {
      const [, status] = await terminal.shows(/status=(\d+)\r\n/);
      const [flags] = await terminal.shows(/(?:.*\r\n)*.* -?tostop .*/);
      for (const flag of ['icanon', 'isig', 'echo', 'opost', 'icrnl'])
        expect(flags).toMatch(new RegExp(`[ \n]${flag}[ \r;]`));
      return Number(status);
    };

    it('is a terminal with TERM, LANG and a size that follows, and ends with the status of the shell', async () => {
      const terminal = shell('-o', 'SetEnv=RXSSH_B=c');
      await ready(terminal);
      terminal.type('echo "<$TERM $LANG ${RXSSH_A--} $RXSSH_B $(stty size)>"\r');
      await terminal.shows(/<xterm C\.UTF-8 - c 24 80>/);
      terminal.resize(132, 50);
      terminal.type(
        'trap "stty size" WINCH; while [ "$(stty size)" != "50 132" ]; do :; done; stty size\r',
      );
      await terminal.shows(/50 132/);
      terminal.type('exit 7\r');
      expect(await restored(terminal)).toBe(7);
    });

    it('is a terminal like the one here, with its characters and flags', async () => {
      const report = 'stty erase ^H intr ^G -ixon; "$@"';
      const env = { PATH: process.env['PATH'], HOME: cli.file('.'), LANG: 'C.UTF-8' };
      const words = [process.execPath, cli.program(), ...args()];
      open = onTerminal(['/bin/sh', '-c', report, 'sh', ...words], env);
      await open.shows(/\$ |# |> /);
      open.type('stty -a; exit\r');
      await open.shows(/intr = \^G;[^]*erase = \^H;[^]* -ixon /);
      await open.exited;
    });

    it('sends what SendEnv names', async () => {
      const terminal = shell('-o', 'SendEnv=RXSSH_*');
      await ready(terminal);
      terminal.type('echo "<$RXSSH_A>"; exit\r');
      await terminal.shows(/<b>/);
      expect(await restored(terminal)).toBe(0);
    });

    it('sends control keys to the other side', async () => {
      const terminal = shell();
      await ready(terminal);
      terminal.type("sh -c 'echo asleep; exec sleep 300'\r");
      // a key that comes before the program is in front would be the shell's
      await terminal.shows(/asleep\r\n/);
      terminal.type('\u0003');
      await terminal.shows(/ready> /);
      terminal.type('exit 8\r');
      expect(await restored(terminal)).toBe(8);
    });

    it('leaves line feeds as they come', async () => {
      const terminal = shell();
      await ready(terminal);
      terminal.type("stty -onlcr; printf 'a\\nb'; stty onlcr\r");
      await terminal.shows(/a\nb/);
      terminal.type('exit\r');
      await restored(terminal);
    });

    it('ends with ~. and tells what it knows with ~?', async () => {
      const terminal = shell();
      await ready(terminal);
      terminal.type('~?');
      await terminal.shows(/Supported escape sequences:\r\n ~\. /);
      terminal.type('~~echo \r');
      await terminal.shows(/~echo/);
      terminal.type('~.');
      await terminal.shows(/\r\nrxssh: the connection was ended\r\n/);
      expect(await restored(terminal)).toBe(255);
    });

    it('knows no escapes with -e none', async () => {
      const terminal = shell('-e', 'none');
      await ready(terminal);
      terminal.type('~.\r');
      await terminal.shows(/ready> /);
      terminal.type('exit 3\r');
      expect(await restored(terminal)).toBe(3);
    });

    it('asks for new keys in the middle of it all with ~R', async () => {
      const terminal = shell('-v', '-v');
      await ready(terminal);
      terminal.type('~R');
      // in raw mode a line has to go back to the left itself
      await terminal.shows(/key exchange: idle\r\n/);
      terminal.type('exit 4\r');
      expect(await restored(terminal)).toBe(4);
    });

    it('is suspended with ~^Z, and goes on', async () => {
      const env = { PATH: process.env['PATH'], HOME: cli.file('.'), PS1: 'local> ' };
      const terminal = onTerminal(['/bin/bash', '--norc', '--noediting', '-i'], env);
      open = terminal;
      await terminal.shows(/local> /);
      const words = [process.execPath, cli.program(), ...args()];
      terminal.type(`${words.map((word) => `'${word}'`).join(' ')}\r`);
      await ready(terminal);
      terminal.type('\r~\u001a');
      await terminal.shows(/Stopped[^]*local> /);
      terminal.type('stty -a\r');
      await terminal.shows(/ icanon [^]* echo [^]*local> /);
      terminal.resize(100, 30);
      terminal.type('fg\r');
      await terminal.shows(/shell/);
      terminal.type('until [ "$(stty size)" = "30 100" ]; do :; done; stty size\r');
      await terminal.shows(/30 100\r\n[^]*ready> /);
      terminal.type('exit 4\r');
      await terminal.shows(/local> /);
      terminal.type('echo "status=$?"; stty -a\r');
      expect(await restored(terminal)).toBe(4);
    });

    it('L5: restores the terminal at a signal', async () => {
      const terminal = shell();
      await ready(terminal);
      const [child = ''] = execFileSync('pgrep', ['-P', String(terminal.pid)])
        .toString()
        .split('\n');
      process.kill(Number(child), 'SIGTERM');
      expect(await restored(terminal)).toBe(143);
    });

    it('takes a script from a pipe, without a terminal, and with one', async () => {
      const script = 'tty; echo err >&2; exit 5\n';
      const bare = await piped(script);
      expect([bare.status, bare.stdout.toString()]).toEqual([5, 'not a tty\n']);
      expect(bare.stderr).toContain('err\n');
      const onPty = await piped(script, '-t');
      expect(onPty.status).toBe(5);
      expect(onPty.stdout.toString()).toMatch(/\/dev\/pts\/\d+\r\n/);
    });

    it('is the terminal of a command with exec -t', async () => {
      const [, ...options] = args();
      const script = `read -r a; printf '<%s>' "$a"; stty size; exit 5`;
      open = onTerminal(
        ['/bin/sh', '-c', REPORT, 'sh', process.execPath, cli.program()].concat(
          ...['exec', '-t', ...options, '--', script],
        ),
        { PATH: process.env['PATH'], HOME: cli.file('.') },
      );
      open.type('keys\r');
      await open.shows(/<keys>\d+ \d+\r\n/);
      expect(await restored(open)).toBe(5);
    });

    it('asks for no terminal with -T, nor sends escapes or input with -n', async () => {
      const terminal = shell('-T');
      terminal.type('tty\rexit 6\r');
      await terminal.shows(/not a tty/);
      expect(await restored(terminal)).toBe(6);
      expect((await piped('exit 9\n', '-n')).status).toBe(0);
    });
  });
}

describeOnTerminal('rxssh shell whose connection is lost', () => {
  it('tells so on a terminal that is as it was, with status 255', async () => {
    const args = ['--user', 'me', '--password', 'secret', '--allow-exec'];
    const server = cli.start(['serve', '--listen', '127.0.0.1:0', ...args], { isOpen: true });
    const [, port = ''] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const { output, status, echo } = await runDialogue(
      cli,
      ['shell', '-o', 'StrictHostKeyChecking=no', `me@127.0.0.1:${port}`],
      [
        ['', "PS1='re''ady> '\r"],
        ['ready> ', `kill -9 ${String(server.child.pid)}\r`],
      ],
      { env: { RXSSH_PASSWORD: 'secret', ENV: '' } },
    );
    await server.ended;
    expect({ status, echo }).toEqual({ status: 255, echo: [true, false, true] });
    expect(output).toMatch(/rxssh: [^\n]*connection[^\n]*\r\n$/);
  });
});
