/** OpenSSH's agent, on a socket of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { peerFolder, poll, startProgram } from './peer.ts';

export interface Agent {
  readonly socket: string;
  /** Adds private key files, in this order. */
  add(files: readonly string[]): void;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 10_000;

/** For keys in security keys: the library that signs for them, and the program that is asked for a PIN. */
export interface SecurityKeyOptions {
  readonly provider: string;
  readonly askpass: string;
}

export async function startSshAgent(options?: SecurityKeyOptions): Promise<Agent> {
  const folder = peerFolder();
  const socket = folder.file('agent');
  const running = startProgram(
    ['ssh-agent', '-D', ...(options === undefined ? [] : ['-P', options.provider]), '-a', socket],
    options === undefined ? {} : { SSH_ASKPASS: options.askpass, SSH_ASKPASS_REQUIRE: 'force' },
  );
  await poll(START_DEADLINE_MS, 'ssh-agent has no socket', running.log, () =>
    existsSync(socket) ? true : undefined,
  );
  return {
    socket,
    add: (files) => {
      const provider = options === undefined ? [] : ['-S', options.provider];
      execFileSync('ssh-add', ['-q', ...provider, ...files], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    },
    stop: async () => {
      await running.stop();
      folder.remove();
    },
  };
}
