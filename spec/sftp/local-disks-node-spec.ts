import { describe, expect, it } from '@jest/globals';
import { isOnLocalDisk } from '../../src/sftp/local-disks-node.ts';
import { until } from '../support/processes.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const inFolder = useTempFolder();

const isLocal = (path: string): boolean => isOnLocalDisk(Buffer.from(path));

describe('a file', () => {
  it('is on a disk of this machine when that was found out, for all of its folder', async () => {
    expect(isLocal(inFolder('a'))).toBe(false);
    await until(() => isLocal(inFolder('b')), 'known');
    expect(isLocal(inFolder('a'))).toBe(true);
    expect(isLocal(inFolder('none', 'a'))).toBe(false);
  });

  it('is on none where that cannot be found out, nor on what is no disk', async () => {
    expect(isLocal('/proc/self/status')).toBe(false);
    expect(isLocal(inFolder('none/a'))).toBe(false);
    expect(isLocal(inFolder('a'))).toBe(false);
    // threads answer in any order: when this is known, ask again
    await until(() => isLocal(inFolder('a')), 'known');
    expect(isLocal('/proc/self/status')).toBe(false);
    expect(isLocal(inFolder('none/a'))).toBe(false);
  });
});
