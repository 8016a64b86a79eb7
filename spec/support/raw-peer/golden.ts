/** The golden table of the matrix, in spec/hostile/matrix.golden.txt. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { State } from './states.ts';

const FILE = join(__dirname, '../../hostile/matrix.golden.txt');

/** What the file says about a state. */
export function goldenTable({ role, name }: State): string {
  const blocks = readFileSync(FILE, 'utf8').trimEnd().split('\n\n');
  const block = blocks.find((each) => each.startsWith(`${role}, ${name}\n`));
  if (block === undefined) throw new Error(`no golden table for ${role}, ${name}`);
  return block;
}
