/** Keys of an agent that are named by their public halves. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithPeer } from '../support/peers/peer.ts';
import { type Agent, startSshAgent } from '../support/peers/ssh-agent.ts';
import { useCli, useServer } from './cli.ts';

describeWithPeer('ssh', '-i with a public key', () => {
  const cli = useCli();
  // one failure, and it closes
  const server = useServer(cli, ['--allow-exec', '-o', 'MaxAuthTries=1']);
  let agent: Agent;
  beforeAll(async () => {
    const others = [1, 2, 3].map((number) => cli.file(`other${String(number)}`));
    for (const file of others) await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-f', file]);
    agent = await startSshAgent();
    agent.add([...others, server().key]);
  });
  afterAll(() => agent.stop());

  const exec = (key: string, ...more: readonly string[]): ReturnType<typeof cli.run> =>
    cli.run(
      [
        ...['exec', '-i', key, '-o', 'StrictHostKeyChecking=accept-new', ...more],
        ...[server().host, '--', 'echo in'],
      ],
      { env: { SSH_AUTH_SOCK: agent.socket } },
    );

  it.each([[], ['-o', 'IdentitiesOnly=yes']])('takes the agent’s key %s %s', async (...more) => {
    const ended = await exec(`${server().key}.pub`, ...more);
    expect({ ...ended, stdout: ended.stdout.toString() }).toMatchObject({
      ...{ status: 0, stdout: 'in\n' },
    });
  });

  it('says that no agent has it', async () => {
    const alone = ['-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'];
    const ended = await exec(`${server().key}.pub`, ...alone);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('is a public key: name the private one');
  });
});
