import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isOnLocalDisk } from '../../src/sftp/local-disks-node.ts';
import { until } from '../support/processes.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-spec-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const isLocal = (path: string): boolean => isOnLocalDisk(Buffer.from(path));

describe('a file', () => {
  it('is on a disk of this machine when that was found out, for all of its folder', async () => {
    expect(isLocal(join(folder, 'a'))).toBe(false);
    await until(() => isLocal(join(folder, 'b')), 'known');
    expect(isLocal(join(folder, 'a'))).toBe(true);
    expect(isLocal(join(folder, 'none', 'a'))).toBe(false);
  });

  it('is on none where that cannot be found out, nor on what is no disk', async () => {
    expect(isLocal('/proc/self/status')).toBe(false);
    expect(isLocal(join(folder, 'none/a'))).toBe(false);
    expect(isLocal(join(folder, 'a'))).toBe(false);
    // threads answer in any order: when this is known, ask again
    await until(() => isLocal(join(folder, 'a')), 'known');
    expect(isLocal('/proc/self/status')).toBe(false);
    expect(isLocal(join(folder, 'none/a'))).toBe(false);
  });
});
