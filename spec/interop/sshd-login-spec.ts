/** Our client against OpenSSH's sshd: who is on the other side, and who we are. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import {
  type ConnectOptions,
  type ErrorKind,
  isSshError,
  knownHostsFiles,
  type SshError,
  withClient,
} from '../../src/node.ts';
import { hasTestAccount } from '../support/peers/account.ts';
import { makeKeyFile, publicLine } from '../support/peers/key-files.ts';
import { connectTo, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, peerFolder, poll, usePeer } from '../support/peers/peer.ts';
import { type Agent, startSshAgent } from '../support/peers/ssh-agent.ts';
import { AUTHENTICATION_LOGGED, startSshd } from '../support/peers/sshd.ts';
import { sshKeygen } from '../support/ssh-keygen.ts';

const LOG_DEADLINE_MS = 10_000;
const PASSPHRASE = 'correct horse, bättery';

/** `it` for what needs an account with a password. */
const itWithPassword = hasTestAccount ? it : it.skip;

describeWithPeer('sshd', 'OpenSSH sshd, login', () => {
  const folder = peerFolder();
  const encrypted = folder.file('encrypted');
  const keys = [1, 2, 3, 4, 5].map((number) => folder.file(`agent-${number}`));
  let agent: Agent;
  const peer = usePeer(async () => {
    makeKeyFile(encrypted, ['-t', 'ed25519', '-a', '2'], PASSPHRASE);
    for (const key of keys) makeKeyFile(key);
    agent = await startSshAgent();
    agent.add(keys);
    // Of the agent's keys only the last one is let in.
    return startSshd({ authorizedKeys: [encrypted, ...keys.slice(-1)].map(publicLine) });
  });
  afterAll(async () => {
    await agent.stop();
    folder.remove();
  });

  it('by an encrypted key', async () => {
    const asked: string[] = [];
    const passphrase = (file: string): string => {
      asked.push(file);
      return PASSPHRASE;
    };
    const options = { identityFiles: [encrypted], passphrase };
    const result = await runOn(peer(), 'echo in', {}, options);
    expect(result.stdout).toBe('in\n');
    expect(asked).toEqual([encrypted]);
  });

  it('not by an encrypted key with a wrong passphrase, and says so', async () => {
    const options = { identityFiles: [encrypted], passphrase: 'wrong' };
    const error = await failure('auth', runOn(peer(), 'echo in', {}, options));
    expect(JSON.stringify(error.detail)).toMatch(/passphrase/);
  });

  it('by an agent with five keys, of which the last one is right', async () => {
    const login$ = connectTo(peer(), { identityFiles: [], agent: agent.socket }).pipe(
      withClient((client) => [client.login]),
    );
    const login = await firstValueFrom(login$);
    expect(login.method).toBe('publickey');
    const refused = login.attempts.filter(({ method }) => method === 'publickey');
    expect(refused.map(({ outcome }) => outcome)).toEqual(Array(4).fill('rejected'));
  });

  itWithPassword('by the right password after a wrong one, on one connection', async () => {
    const { password = '' } = peer();
    const login$ = connectTo(peer(), {
      identities: [],
      password: ({ attempt }) => (attempt === 1 ? 'wrong' : password),
    }).pipe(withClient((client) => [client.login]));
    const login = await firstValueFrom(login$);
    expect(login).toMatchObject({ method: 'password' });
    expect(login.attempts).toContainEqual(
      expect.objectContaining({ method: 'password', outcome: 'rejected' }),
    );
    const accepted = await logged(peer(), /Accepted password for \S+ from \S+ port (\d+)/);
    expect(peer().log()).toContain(`port ${accepted[1] ?? ''} ssh2`);
    expect(peer().log()).toMatch(
      new RegExp(`Failed password for \\S+ from \\S+ port ${accepted[1] ?? ''} `),
    );
  });
});

describeWithPeer('sshd', 'OpenSSH sshd that wants a key and a password', () => {
  const peer = usePeer(() => startSshd({ config: ['AuthenticationMethods publickey,password'] }));

  itWithPassword('lets in whoever has both', async () => {
    const { password = '' } = peer();
    const result = await runOn(peer(), 'echo in', {}, { password });
    expect(result.stdout).toBe('in\n');
    const error = await failure('auth', runOn(peer(), 'echo in'));
    expect(error.detail.attempts).toContainEqual(
      expect.objectContaining({ method: 'publickey', outcome: 'partial' }),
    );
    expect(error.detail.methodsLeft).toContain('password');
  });
});

describeWithPeer('sshd', 'OpenSSH sshd that closes after six keys', () => {
  const folder = peerFolder();
  const [right, wrong] = [folder.file('right'), folder.file('wrong')];
  const many = Array.from({ length: 20 }, (_, number) => folder.file(`many-${number}`));
  let agent: Agent;
  const peer = usePeer(async () => {
    for (const file of [right, wrong, ...many]) makeKeyFile(file);
    agent = await startSshAgent();
    agent.add([...many, right]);
    return startSshd({ config: ['MaxAuthTries 6'], authorizedKeys: [publicLine(right)] });
  });
  afterAll(async () => {
    await agent.stop();
    folder.remove();
  });

  const attempts = (options: Partial<ConnectOptions>): Promise<number> => {
    const login$ = connectTo(peer(), { agent: agent.socket, ...options }).pipe(
      withClient((client) => [client.login.attempts]),
    );
    return firstValueFrom(login$).then(
      (tried) => tried.filter(({ method }) => method === 'publickey').length,
    );
  };

  it('AC11: takes the key that was named, before the twenty of the agent', async () => {
    expect(await attempts({ identityFiles: [wrong, right] })).toBe(1);
  });

  it('AC11: takes the one of the agent’s whose public half was named', async () => {
    expect(await attempts({ identityFiles: [`${right}.pub`] })).toBe(0);
    expect(await attempts({ identityFiles: [`${right}.pub`], identitiesOnly: true })).toBe(0);
  });

  it('AC11: takes the one of the agent’s that was named, with identitiesOnly', async () => {
    const identityFiles = [wrong, right];
    expect(await attempts({ identityFiles, identitiesOnly: true })).toBe(0);
  });

  it('AC11: closes where the right key is the last of the agent’s, and that is a failed login', async () => {
    const error = await failure('auth', attempts({ identityFiles: [] }));
    expect(error.detail.attempts.length).toBeGreaterThanOrEqual(5);
  });
});

describeWithPeer('sshd', 'OpenSSH sshd that lists more signature algorithms than it takes', () => {
  // to OpenSSH before 9.7, server-sig-algs is whatever it knows
  it.each(['rsa-sha2-256', 'rsa-sha2-512'])('AC8: %s alone', async (algorithm) => {
    const peer = await startSshd({ config: [`PubkeyAcceptedAlgorithms ${algorithm}`] });
    try {
      const identityFiles = peer.identityFiles.filter((file) => file.endsWith('ssh-rsa'));
      const login$ = connectTo(peer, { identityFiles }).pipe(
        withClient((client) => [client.login]),
      );
      const login = await firstValueFrom(login$);
      expect(login.method).toBe('publickey');
      const rejected = login.attempts.filter(({ method }) => method === 'publickey');
      expect(rejected).toHaveLength(algorithm === 'rsa-sha2-512' ? 0 : 1);
    } finally {
      await peer.stop();
    }
  });
});

describeWithPeer('sshd', 'OpenSSH sshd, its host key', () => {
  const folder = peerFolder();
  const otherKey = folder.file('other');
  const knownHosts = folder.file('known_hosts');
  const peer = usePeer(() => startSshd());
  beforeAll(() => makeKeyFile(otherKey));
  afterAll(folder.remove);

  const run = (lines: readonly string[], policy: 'strict' | 'accept-new' = 'strict') => {
    writeFileSync(knownHosts, lines.map((line) => `${line}\n`).join(''));
    return runWithFile(policy);
  };
  const runWithFile = (policy: 'strict' | 'accept-new') =>
    runOn(
      peer(),
      'echo in',
      {},
      { knownHosts: knownHostsFiles([knownHosts]), hostKeys: { policy } },
    );
  const name = (): string => `[${peer().host}]:${peer().port}`;

  it('is accepted by a hashed line', async () => {
    writeFileSync(knownHosts, `${peer().knownHostsLines.join('\n')}\n`);
    sshKeygen(['-H', '-f', knownHosts]);
    expect(readFileSync(knownHosts, 'utf8')).not.toContain(peer().host);
    const result = await runWithFile('strict');
    expect(result.stdout).toBe('in\n');
  });

  it('is asked for by the type that is known', async () => {
    for (const [type, key] of peer().hostKeys) {
      const result = await run([`${name()} ${key}`]);
      expect([type, result.stdout]).toEqual([type, 'in\n']);
    }
  });

  it('is added when it is new and that is the policy', async () => {
    const first = await run([], 'accept-new');
    expect(first.stdout).toBe('in\n');
    expect(sshKeygen(['-F', name(), '-f', knownHosts])).toContain('ssh-ed25519');
    const second = await runWithFile('strict');
    expect(second.stdout).toBe('in\n');
  });

  describe('is refused before anything of the login is said', () => {
    const cases: readonly (readonly [
      what: string,
      lines: () => readonly string[],
      policy: 'strict' | 'accept-new',
      reason: string,
    ])[] = [
      ['when it has changed', () => [`${name()} ${publicLine(otherKey)}`], 'accept-new', 'changed'],
      ['when it is unknown', () => [], 'strict', 'unknown'],
      [
        'when it is revoked',
        () => [...peer().knownHostsLines, `@revoked * ${peer().hostKeys.get('ssh-ed25519') ?? ''}`],
        'accept-new',
        'revoked',
      ],
    ];
    it.each(cases)('%s', async (_what, lines, policy, reason) => {
      const before = peer().log().length;
      const error = await failure('host-key', run(lines(), policy));
      expect(error.detail).toMatchObject({ reason, host: peer().host });
      // sshd has seen the end of the connection, and so all that came before it.
      await logged(peer(), /Connection closed by|Received disconnect from/, before);
      expect(peer().log().slice(before)).not.toMatch(AUTHENTICATION_LOGGED);
    });
  });

  it('is refused in a file with a line for each, if one of them revokes it', async () => {
    writeFileSync(knownHosts, `${peer().knownHostsLines.join('\n')}\n`);
    for (const key of peer().hostKeys.values()) appendFileSync(knownHosts, `@revoked * ${key}\n`);
    const error = await failure('host-key', runWithFile('strict'));
    expect(error.detail.reason).toBe('revoked');
  });
});

async function failure<K extends ErrorKind>(kind: K, work: Promise<unknown>): Promise<SshError<K>> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (isSshError(error, kind)) return error;
  throw error as Error;
}

function logged(peer: Peer, pattern: RegExp, from = 0): Promise<RegExpExecArray> {
  return poll(
    LOG_DEADLINE_MS,
    `sshd did not log ${String(pattern)}`,
    () => peer.log().slice(from),
    () => pattern.exec(peer.log().slice(from)) ?? undefined,
  );
}
