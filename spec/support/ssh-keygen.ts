/** The real ssh-keygen, as the judge of what we read and write. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';

const isMissing = spawnSync('ssh-keygen', ['-?'], { stdio: 'ignore' }).error !== undefined;

/** A `describe` that needs ssh-keygen: without it, skipped with the reason; in CI, failed. */
export function describeWithSshKeygen(name: string, body: () => void): void {
  if (!isMissing) describe(name, body);
  else if (process.env['CI'] === undefined) {
    describe.skip(`${name} (skipped: no ssh-keygen; install openssh-client)`, body);
  } else {
    it(`${name}: ssh-keygen is installed`, () => {
      throw new Error('ssh-keygen is missing; install openssh-client');
    });
  }
}

/** What ssh-keygen prints. Throws when it fails. */
export function sshKeygen(args: readonly string[], input = ''): string {
  return execFileSync('ssh-keygen', args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** A directory for the tests of one `describe`, removed after them. */
export function useDirectory(): (file: string) => string {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rxssh-spec-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (file) => join(directory, file);
}
