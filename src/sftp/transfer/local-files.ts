/** The files of this side. */
import type { FileName } from '../file-name.ts';
import type { TransferFiles } from './transfer-files.ts';

/** What `get` and `put` find by their local paths: the disks of this machine on Node, whatever a program gives elsewhere. */
export interface LocalFiles extends TransferFiles {
  /** The path that a text stands for, with slashes between its names. */
  path(text: string): FileName;
}
