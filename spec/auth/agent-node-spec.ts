/** The agent's client against the real ssh-agent. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { agentIdentities } from '../../src/auth/agent.ts';
import { agentSocket } from '../../src/auth/agent-node.ts';
import { parsePublicKeyLine } from '../../src/keys/public-key.ts';
import { verifySignature } from '../../src/keys/signature-algorithms.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { describeWithSshKeygen, sshKeygen, useDirectory } from '../support/ssh-keygen.ts';

const KEYS = [
  ['ed25519', []],
  ['ecdsa', ['-b', '256']],
  ['ecdsa', ['-b', '384']],
  ['ecdsa', ['-b', '521']],
  ['rsa', ['-b', '2048']],
] as const;

describeWithSshKeygen('ssh-agent', () => {
  const path = useDirectory();
  let agent: ChildProcess;
  let socket = '';
  const publicLines: string[] = [];

  beforeAll(async () => {
    socket = path('agent.sock');
    agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
    KEYS.forEach(([type, options], index) => {
      const file = path(`key${index}`);
      sshKeygen(['-q', '-t', type, ...options, '-N', '', '-C', `key ${index}`, '-f', file]);
      add(file);
      publicLines.push(sshKeygen(['-y', '-f', file]));
    });
  }, 60_000);

  afterAll(() => {
    agent.kill();
  });

  function add(...args: readonly string[]): void {
    execFileSync('ssh-add', args, {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  async function signers(): Promise<readonly Signer[]> {
    return lastValueFrom(agentIdentities(agentSocket(socket)).pipe(toArray()));
  }

  it('lists its keys in their order', async () => {
    const listed = await signers();
    expect(listed.map(({ comment }) => comment)).toEqual(KEYS.map((_key, index) => `key ${index}`));
    expect(listed.map(({ publicKey }) => publicKey.blob)).toEqual(
      publicLines.map((line) => parsePublicKeyLine(line).publicKey.blob),
    );
  });

  it('signs with every algorithm of every key', async () => {
    const data = utf8Bytes('what is signed');
    const tried: string[] = [];
    for (const signer of await signers()) {
      for (const algorithm of signer.algorithms) {
        const signature = await signer.sign(data, algorithm);
        expect(verifySignature(algorithm, signer.publicKey, data, signature)).toBe(true);
        tried.push(algorithm);
      }
    }
    expect(tried).toEqual([
      ...['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
      ...['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
    ]);
  });

  it('says so when it does not hold the key any more', async () => {
    const [signer] = await signers();
    add('-q', '-d', path('key0'));
    await expect(
      Promise.resolve(signer?.sign(utf8Bytes('x'), 'ssh-ed25519')),
    ).rejects.toMatchObject({ kind: 'request-refused' });
    add('-q', path('key0'));
  });

  it('leaves no connection open', async () => {
    const before = pipes();
    const [signer] = await signers();
    await signer?.sign(utf8Bytes('x'), signer.algorithms[0] ?? '');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(pipes()).toBe(before);
  });
});

function pipes(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
}

describe('agentSocket', () => {
  it('errors when nobody listens', async () => {
    const identities = lastValueFrom(agentIdentities(agentSocket('/nonexistent/agent.sock')));
    await expect(identities).rejects.toMatchObject({ kind: 'connect' });
  });

  it('errors without a path', async () => {
    const before = process.env['SSH_AUTH_SOCK'];
    delete process.env['SSH_AUTH_SOCK'];
    try {
      const identities = lastValueFrom(agentIdentities(agentSocket()));
      await expect(identities).rejects.toMatchObject({ kind: 'config' });
    } finally {
      if (before !== undefined) process.env['SSH_AUTH_SOCK'] = before;
    }
  });
});
