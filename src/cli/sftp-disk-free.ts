/** What `df` shows. */
import type { StatvfsReply } from '../node.ts';

const TITLES = ['Size', 'Used', 'Avail', 'Files', 'Capacity'];
const WIDTH = 14;
const KIB = 1024;
const UNITS = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Two lines: titles, and what the server says, in KiB or in units that fit. */
export function diskFree(reply: StatvfsReply, inUnits: boolean): string {
  const { fragmentSize, blocks, blocksFree, blocksAvailable, files, filesFree } = reply;
  const used = blocks - blocksFree;
  const shown = (count: bigint): string => {
    const bytes = Number(count * fragmentSize);
    return inUnits ? sizeInUnits(bytes) : String(Math.floor(bytes / KIB));
  };
  const ofWhich = used + blocksAvailable;
  const percent = ofWhich > 0n ? `${String((used * 100n) / ofWhich)}%` : '-';
  const values = [
    shown(blocks),
    shown(used),
    shown(blocksAvailable),
    String(files - filesFree),
    percent,
  ];
  return [TITLES, values].map((row) => row.map((cell) => cell.padStart(WIDTH)).join('')).join('\n');
}

/** `1.5M`; bytes as they are. */
export function sizeInUnits(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= KIB && unit < UNITS.length - 1) {
    size /= KIB;
    unit++;
  }
  return unit === 0 ? `${String(size)}B` : `${size.toFixed(1)}${UNITS[unit] ?? ''}`;
}
