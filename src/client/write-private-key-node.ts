/** Private keys into files that nobody else can read. */
import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { SshError, toError } from '../errors.ts';
import { formatPrivateKey, type FormatPrivateKeyOptions } from '../keys/openssh-private-key.ts';
import type { PrivateKey } from '../keys/private-key.ts';

/** How a private key is written. */
export interface WritePrivateKeyOptions extends FormatPrivateKeyOptions {
  /** Takes the place of what is there by this name, whole or not at all; that is an error without it. */
  readonly replace?: boolean;
}

const OWNER_ONLY = 0o600;

/**
 * Writes a private key to a file of OpenSSH's form, with mode 0600 from its first moment on.
 *
 * Rejects with `config` when the file cannot be written, or is there and not to be replaced, and like `formatPrivateKey`.
 *
 * @param file - its path
 * @example
 * ```ts
 * // under another passphrase
 * const key = await parsePrivateKey(await readFile(file), { passphrase: 'old' });
 * await writePrivateKey(file, key, { passphrase: 'new', replace: true });
 * ```
 */
export async function writePrivateKey(
  file: string,
  key: PrivateKey,
  { replace = false, ...options }: WritePrivateKeyOptions = {},
): Promise<void> {
  const text = await formatPrivateKey(key, options);
  try {
    await (replace ? replaceFile(file, text) : writeNew(file, text));
  } catch (error) {
    const message = `key file ${file} cannot be written: ${toError(error).message}`;
    throw new SshError('config', message, { option: 'file', file }, { cause: error });
  }
}

function writeNew(file: string, text: string): Promise<void> {
  return writeFile(file, text, { mode: OWNER_ONLY, flag: 'wx' });
}

/** Not into the old file: that may have another mode, or be a link. */
async function replaceFile(file: string, text: string): Promise<void> {
  const written = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeNew(written, text);
    await rename(written, file);
  } finally {
    await rm(written, { force: true });
  }
}
