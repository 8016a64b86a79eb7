/** A file that is replaced whole, or not at all. */
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

/**
 * Writes a file beside the old one and puts it in its place.
 *
 * @param mode - of the new file, from its first moment on
 * @param backup - where the old one stays
 */
export function replaceFile(file: string, text: string, mode: number, backup?: string): void {
  const written = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(written, text, { mode, flag: 'wx' });
    if (backup !== undefined) {
      rmSync(backup, { force: true });
      linkSync(file, backup);
    }
    renameSync(written, file);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
}
