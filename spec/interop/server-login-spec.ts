/** Real clients that log in to our server by every method that they have, and by chains of them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { concat, map, toArray } from 'rxjs';
import ssh2 from 'ssh2';
import { authenticationMethods } from '../../src/auth/authentication-methods.ts';
import { authorizedKeys } from '../../src/auth/authorized-keys.ts';
import type { AuthPolicy, Challenge } from '../../src/auth/policy.ts';
import { nodeDial, nodeListen } from '../../src/server/forward-node.ts';
import { type Client, openssh, plink, runClient } from '../support/peers/clients.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, type Peer, pythonScript, usePeer } from '../support/peers/peer.ts';

const PASSWORD = 'correct horse';
const run = promisify(execFile);

/** Two questions, one round with nothing to answer, and one more question: the password answers all. */
const ROUNDS = [
  {
    ...{ name: 'Login', instruction: 'Twice, please' },
    prompts: [{ prompt: 'Password: ' }, { prompt: 'Again: ', echo: true }],
  },
  { instruction: 'Nearly there', prompts: [] },
  { prompts: [{ prompt: 'Once more: ' }] },
];
/** What plink answers with its `-pw`. */
const ONE_QUESTION = [{ prompts: [{ prompt: 'Password: ' }] }];

function policyOf(isKey: AuthPolicy, rounds: readonly Challenge[]): AuthPolicy {
  return (attempt) => {
    switch (attempt.method) {
      case 'publickey':
        return isKey(attempt);
      case 'password':
        return attempt.password === PASSWORD;
      case 'keyboard-interactive':
        return concat(...rounds.map((challenge) => attempt.ask(challenge))).pipe(
          toArray(),
          map((answers) => answers.flat().every((each) => each === PASSWORD)),
        );
      default:
        return false;
    }
  };
}

/** A server for the tests of one `describe`, whose wishes change from test to test. */
function useServer(rounds: readonly Challenge[] = ROUNDS): {
  readonly server: () => Peer;
  /** From now on one of the chains is wanted, and keys have these options in front. */
  readonly wants: (chains: readonly string[], keyOptions?: string) => Promise<void>;
  /** Methods by which the newest login since then has succeeded; none when nobody has logged in. */
  readonly methods: () => readonly string[];
} {
  let lines = '';
  let since = 0;
  let wish = authenticationMethods(['publickey'], () => false);
  const policy = policyOf((attempt) => authorizedKeys(lines)(attempt), rounds);
  const server = usePeer(() =>
    startOurServer({
      pty: true,
      forward: {
        dial: nodeDial({ permit: () => true }),
        listen: nodeListen({ permit: () => true }),
      },
      authenticate: (attempt) => wish.authenticate(attempt),
      authentication: {
        get methods() {
          return wish.methods;
        },
      },
    }),
  );
  return {
    server,
    wants: async (chains, keyOptions = '') => {
      const files = server().identityFiles.map((file) => readFile(`${file}.pub`, 'utf8'));
      lines = (await Promise.all(files)).map((line) => `${keyOptions}${line.trim()}`).join('\n');
      wish = authenticationMethods(chains, policy);
      since = server().events.length;
    },
    methods: () => {
      const event = server()
        .events.slice(since)
        .filter((each) => each.type === 'authenticated')
        .at(-1);
      if (event === undefined) return [];
      return [...event.login.partialSuccesses, event.login].map(({ method }) => method);
    },
  };
}

/** A server that wants its password changed into one that will do. */
function startChanging(
  asked: (string | undefined)[],
  willDo: (fresh: string) => boolean,
): Promise<OurServer> {
  return startOurServer({
    authentication: { methods: ['password'] },
    authenticate: (attempt) => {
      if (attempt.method !== 'password' || attempt.password !== PASSWORD) return false;
      const { newPassword: fresh } = attempt;
      asked.push(fresh);
      return (fresh !== undefined && willDo(fresh)) || { changePassword: true, prompt: 'Too old' };
    },
  });
}

/** What the client logs in with. */
function destination(server: Peer, password?: string, isWithKey = false) {
  const { host, port, user, knownHostsLines, identityFiles } = server;
  const [identityFile = ''] = identityFiles;
  return {
    ...{ host, port, user, knownHostsLines },
    ...(password === undefined ? {} : { password }),
    ...(isWithKey ? { identityFile } : {}),
  };
}

const preferred = (methods: string): readonly string[] => [
  ...['-o', `PreferredAuthentications=${methods}`, '-o', 'BatchMode=no'],
];

const CLIENTS: readonly {
  readonly client: Client;
  readonly more: (methods: string) => readonly string[];
  readonly rounds: readonly Challenge[];
}[] = [
  { client: openssh, more: preferred, rounds: ROUNDS },
  { client: plink, more: () => [], rounds: ONE_QUESTION },
];

for (const { client, more, rounds } of CLIENTS) {
  describeWithPeer(client.peer, `${client.name} at our server`, () => {
    const { server, wants, methods } = useServer(rounds);

    it.each([
      ['password', false],
      ['keyboard-interactive', false],
      ['publickey', true],
      ['publickey,password', true],
      ['publickey,keyboard-interactive', true],
      ['password,publickey', true],
    ])('logs in by %s, and not with another password (AS6)', async (chain, isWithKey) => {
      await wants([chain]);
      const options = { more: more(chain) };
      if (chain !== 'publickey') {
        const wrong = destination(server(), 'wrong', isWithKey);
        expect((await runClient(client, wrong, 'echo in', options)).stdout.toString()).toBe('');
        expect(methods()).toEqual([]);
      }
      const password = chain === 'publickey' ? undefined : PASSWORD;
      const right = destination(server(), password, isWithKey);
      const { stdout, stderr } = await runClient(client, right, 'echo in', options);
      expect({ stdout: stdout.toString(), stderr }).toMatchObject({ stdout: 'in\n' });
      expect(methods()).toEqual(chain.split(','));
    });

    it('is not let in by half a chain (AS6)', async () => {
      await wants(['publickey,password']);
      const half = destination(server(), PASSWORD);
      const done = await runClient(client, half, 'echo in', { more: more('password') });
      expect(done.stdout.toString()).toBe('');
      expect(methods()).toEqual([]);
    });
  });
}

describeWithPeer('ssh', 'OpenSSH ssh at our server, in detail', () => {
  const { server, wants } = useServer();

  it('changes its password', async () => {
    const asked: (string | undefined)[] = [];
    const ours = await startChanging(asked, (fresh) => fresh === PASSWORD);
    // whatever it is asked for, it says the same
    const done = await runClient(openssh, destination(ours, PASSWORD), 'echo in');
    expect(done.stdout.toString()).toBe('in\n');
    expect(asked).toEqual([undefined, PASSWORD]);
    await ours.stop();
  });

  it.each<[string, string, string]>([
    ['command="echo forced: $SSH_ORIGINAL_COMMAND" ', 'rm -rf x', 'forced: rm -rf x\n'],
    ['environment="A=1",environment="B=a b" ', 'echo "$A,$B"', '1,a b\n'],
    ['from="127.0.0.0/8,::1" ', 'echo in', 'in\n'],
    ['from="!127.0.0.1,*" ', 'echo in', ''],
    ['from="10.0.0.0/8" ', 'echo in', ''],
    ['expiry-time="20200101" ', 'echo in', ''],
    ['frobnicate ', 'echo in', ''],
  ])('with a key that has %s(AS21)', async (options, command, stdout) => {
    await wants(['publickey'], options);
    const done = await runClient(openssh, destination(server(), undefined, true), command);
    expect(done.stdout.toString()).toBe(stdout);
  });

  it.each<[string, boolean]>([
    ['', true],
    ['no-pty ', false],
    ['restrict ', false],
    ['restrict,pty ', true],
  ])('has a terminal with a key that has "%s": %p', async (options, isGranted) => {
    await wants(['publickey'], options);
    const to = destination(server(), undefined, true);
    const done = await runClient(openssh, to, 'echo in', { more: ['-tt'] });
    expect(done.stdout.toString().trim()).toBe(isGranted ? 'in' : '');
    expect(done.stderr.includes('PTY allocation request failed')).toBe(!isGranted);
  });

  it.each<[string, boolean, boolean]>([
    ['', true, true],
    ['no-port-forwarding ', false, false],
    ['restrict ', false, false],
    ['restrict,port-forwarding ', true, true],
    ['permitopen="127.0.0.1:*" ', true, true],
    ['permitopen="127.0.0.2:*" ', false, true],
    ['permitlisten="localhost:1" ', true, false],
    ['permitlisten="localhost:*" ', true, true],
    ['command="cat" ', false, false],
    ['command="cat",port-forwarding ', true, true],
    ['command="cat",permitopen="127.0.0.1:*" ', true, false],
  ])('with "%s" is connected (%p) and listened for (%p) (C17)', async (options, dials, listens) => {
    await wants(['publickey'], options);
    const to = destination(server(), undefined, true);
    const dialled = await runClient(openssh, to, '', {
      more: ['-W', `127.0.0.1:${server().port}`],
    });
    // what it is connected to is the server itself, which says who it is
    expect(dialled.stdout.toString().startsWith('SSH-2.0-')).toBe(dials);
    const more = ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:1'];
    const listened = await runClient(openssh, to, 'exit 0', { more });
    expect(listened.status).toBe(listens ? 0 : 255);
  });

  it('has the command of the first factor for the whole login (AS6)', async () => {
    await wants(['publickey,password'], 'command="echo forced" ');
    const more = preferred('publickey,password');
    const to = destination(server(), PASSWORD, true);
    expect((await runClient(openssh, to, 'echo in', { more })).stdout.toString()).toBe('forced\n');
  });
});

/** Runs a script that logs in; its lines. */
async function script(
  name: string,
  server: Peer,
  methods: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { host, port, user, identityFiles } = server;
  const [identity = ''] = identityFiles;
  const options = { host, port, user, identity, methods, password: PASSWORD, ...more };
  const [program = '', ...args] = pythonScript(name, JSON.stringify(options));
  const { stdout } = await run(program, args, { timeout: 60_000 });
  return stdout.trim().split('\n');
}

/** The same in the words of the scripts: title, instruction, prompts with or without echo. */
const ASKED = ROUNDS.map(({ name = '', instruction = '', prompts }: Challenge) => [
  ...[name, instruction, prompts?.map(({ prompt, echo = false }) => [prompt, echo])],
]);

for (const name of ['paramiko', 'asyncssh'] as const) {
  describeWithPeer(name, `${name} at our server`, () => {
    const { server, wants, methods } = useServer();

    it.each([
      ...['password', 'publickey', 'keyboard-interactive'],
      ...['publickey,password', 'publickey,keyboard-interactive', 'password,publickey'],
    ])('logs in by %s', async (chain) => {
      await wants([chain]);
      const lines = await script(`${name}-login.py`, server(), chain.split(','));
      expect(lines.at(-1)).toBe('in');
      expect(methods()).toEqual(chain.split(','));
      const rounds = lines.filter((line) => line.startsWith('asked '));
      if (chain.endsWith('keyboard-interactive'))
        expect(rounds.map((line): unknown => JSON.parse(line.slice(6)))).toEqual(ASKED);
    });

    it('is not let in with another password', async () => {
      await wants(['publickey,keyboard-interactive']);
      const asked = ['publickey', 'keyboard-interactive'];
      const more = { password: 'wrong' };
      expect((await script(`${name}-login.py`, server(), asked, more)).at(-1)).toBe('out');
      expect(methods()).toEqual([]);
    });
  });
}

describeWithPeer('asyncssh', 'a password that has to be changed', () => {
  it.each(['asyncssh', 'ssh2'])('is changed by %s, once it will do', async (name) => {
    const asked: (string | undefined)[] = [];
    const ours = await startChanging(asked, (fresh) => fresh === 'fresh');
    if (name === 'ssh2')
      expect(await ssh2Login(ours, ['password'])).toEqual(['change Too old', 'in']);
    else {
      const more = { newPassword: 'fresh' };
      const lines = await script('asyncssh-login.py', ours, ['password'], more);
      expect(lines).toEqual(['change Too old', 'in']);
    }
    expect(asked).toEqual([undefined, 'fresh']);
    await ours.stop();
  });
});

describe('npm ssh2 at our server', () => {
  const { server, wants, methods } = useServer();

  it.each([
    ...['password', 'publickey', 'keyboard-interactive'],
    ...['publickey,password', 'publickey,keyboard-interactive', 'password,publickey'],
  ])('logs in by %s', async (chain) => {
    await wants([chain]);
    const lines = await ssh2Login(server(), chain.split(','));
    expect(lines.at(-1)).toBe('in');
    expect(methods()).toEqual(chain.split(','));
  });

  it('is not let in with another password', async () => {
    await wants(['keyboard-interactive']);
    const lines = await ssh2Login(server(), ['keyboard-interactive'], 'wrong');
    expect(lines.at(-1)).toBe('out');
    expect(methods()).toEqual([]);
  });
});

/** Logs in with npm ssh2; what it was asked, and `in` or `out`. */
async function ssh2Login(
  { host, port, user, identityFiles }: Peer,
  methods: readonly string[],
  password = PASSWORD,
): Promise<readonly string[]> {
  const [identity = ''] = identityFiles;
  const privateKey = await readFile(identity);
  const lines: string[] = [];
  const client = new ssh2.Client();
  // it offers only one password of its own accord
  const left = [...methods];
  return new Promise((resolve) => {
    const done = (line: string): void => {
      lines.push(line);
      client.end();
      resolve(lines);
    };
    client.on('keyboard-interactive', (name, instructions, _language, prompts, answer) => {
      lines.push(`asked ${name} ${instructions}`);
      answer(prompts.map(() => password));
    });
    client.on('change password', (prompt: string, change: (fresh: string) => void) => {
      lines.push(`change ${prompt}`);
      change('fresh');
    });
    client.on('ready', () => done('in'));
    client.on('error', () => done('out'));
    client.connect({
      ...{ host, port, username: user, password, privateKey, tryKeyboard: true },
      authHandler: () => left.shift() ?? false,
    });
  });
}
