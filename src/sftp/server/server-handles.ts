/** The open files and folders of one SFTP session, by names that say nothing and that no other session knows. */
import type { CryptoProvider } from '../../crypto/provider.ts';
import { toHex, writeUint32 } from '../../wire/bytes.ts';
import type { ServerDirectory } from './server-directory.ts';
import type { SftpFile } from './file-system.ts';
import type { FileName } from '../file-name.ts';
import { statusError, StatusCode } from '../status.ts';

/** What a handle stands for. */
export type OpenHandle =
  | {
      readonly type: 'file';
      readonly path: FileName;
      readonly file: SftpFile;
      readonly isAppending: boolean;
    }
  | { readonly type: 'directory'; readonly path: FileName; readonly directory: ServerDirectory };

/** Bytes of a handle: a random half that another session does not share, and a number. */
const HANDLE_LENGTH = 12;

/** Handles of one session. */
export class ServerHandles {
  /** How many there may be. */
  readonly limit: number;
  readonly #template: Uint8Array;
  readonly #open = new Map<string, OpenHandle>();
  #reserved = 0;
  #count = 0;

  constructor(limit: number, provider: Pick<CryptoProvider, 'randomBytes'>) {
    this.limit = limit;
    this.#template = provider.randomBytes(HANDLE_LENGTH);
  }

  /** How many there are, those that are being opened included. */
  get size(): number {
    return this.#open.size + this.#reserved;
  }

  /** Keeps a place for something that is being opened; gives what lets it go. Throws FAILURE beyond the limit. */
  reserve(): () => void {
    if (this.size >= this.limit)
      throw statusError(StatusCode.FAILURE, 'open', { message: 'Too many open handles' });
    this.#reserved++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#reserved--;
      isHeld = false;
    };
  }

  /** Enters what was opened; gives its handle. */
  add(opened: OpenHandle): Uint8Array {
    const handle = this.#template.slice();
    writeUint32(handle, HANDLE_LENGTH - 4, this.#count++);
    this.#open.set(toHex(handle), opened);
    return handle;
  }

  /** What a handle stands for; `undefined` when it is none, or closed. */
  find(handle: Uint8Array): OpenHandle | undefined {
    return handle.length === HANDLE_LENGTH ? this.#open.get(toHex(handle)) : undefined;
  }

  /** Takes it out. */
  take(handle: Uint8Array): OpenHandle | undefined {
    const opened = this.find(handle);
    if (opened !== undefined) this.#open.delete(toHex(handle));
    return opened;
  }

  /** Takes out all. */
  takeAll(): OpenHandle[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }
}
