/** The version of this package. */
import { readFileSync } from 'node:fs';

/** What package.json says. */
export const version: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version: found } = JSON.parse(text) as { readonly version: string };
  return found;
}
