import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writePrivateKey } from '../../src/client/write-private-key-node.ts';
import { parsePrivateKey } from '../../src/keys/private-key-file.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys } from '../../src/keys/public-key.ts';

const key = generatePrivateKey('ed25519', { comment: 'mine' });
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-write-'));
  file = join(folder, 'key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function isThere(passphrase?: string): Promise<boolean> {
  const options = passphrase === undefined ? {} : { passphrase };
  const read = await parsePrivateKey(readFileSync(file), options);
  return equalPublicKeys(read.publicKey, key.publicKey) && read.comment === 'mine';
}

describe('writePrivateKey', () => {
  it('writes a key that its owner alone can read', async () => {
    await writePrivateKey(file, key);
    expect(await isThere()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['key']);
  });

  it('leaves what is there alone, unless it is told to take its place', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'kept', { mode: 0o644 });
    symlinkSync(other, file);
    await expect(writePrivateKey(file, key)).rejects.toMatchObject({
      ...{ kind: 'config', detail: { option: 'file', file }, cause: { code: 'EEXIST' } },
    });
    await writePrivateKey(file, key, { passphrase: 'new', rounds: 1, replace: true });
    expect(await isThere('new')).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // it was a link, and what it led to is not written to
    expect(readFileSync(other, 'utf8')).toBe('kept');
    expect(readdirSync(folder)).toEqual(['key', 'other']);
  });

  it.each([true, false])(
    'leaves nothing behind where it cannot write (replace: %p)',
    async (replace) => {
      file = join(folder, 'nothing', 'key');
      await expect(writePrivateKey(file, key, { replace })).rejects.toMatchObject({
        ...{ kind: 'config', cause: { code: 'ENOENT' } },
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('writes nothing for options that are none', async () => {
    await expect(writePrivateKey(file, key, { passphrase: '' })).rejects.toMatchObject({
      detail: { option: 'passphrase' },
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
