import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

/**
 * A folder of its own for each test, removed after it. Hooks run in the order in which they are written: what is to be closed before
 * the folder goes stands in front of the call, what fills the folder behind it.
 *
 * @returns paths in it; without a name its own
 */
export function useTempFolder(): (...names: readonly string[]) => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rxssh-spec-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return (...names) => join(folder, ...names);
}
