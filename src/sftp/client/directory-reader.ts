/** The entries of a folder as a stream with credit: the server is asked for more when those before are done with. */
import { Observable, type Subscriber } from 'rxjs';
import { protocolError, type SshError } from '../../errors.ts';
import type { FileAttributes } from '../attributes.ts';
import { type FileName, fileName } from '../file-name.ts';
import { Output } from './output.ts';
import { encodePacket, type NameItem, type ReplyPacket } from '../packets.ts';
import type { RemoteHandle } from './remote-handle.ts';
import { isStatus, refusal } from './requests.ts';
import type { PendingRequest } from './client-session.ts';
import { StatusCode } from '../status.ts';
import { utf8Text } from '../../wire/bytes.ts';

/** One entry of a folder. */
export interface FileEntry {
  /** As the server gave it: check it before it becomes a local path. */
  readonly name: FileName;
  /** Of the entry itself: a symbolic link's are not those of what it leads to. */
  readonly attributes: FileAttributes;
  /** The line that `ls -l` would show, as the server made it: to be shown, escaped, and never to be parsed. */
  readonly longname: string;
}

/** Entries without credit given back up to which the next ones are asked for already. */
const MOST_WAITING = 128;
/** Empty answers in a row that a server may give, where it should say EOF. */
const MOST_EMPTY = 4;

/** The entries of an open folder, without `.` and `..`. */
export function folderEntries(handle: RemoteHandle): Observable<FileEntry> {
  return new Observable((out) => {
    new DirectoryReader(handle, out).ask();
  });
}

class DirectoryReader implements PendingRequest {
  readonly #handle: RemoteHandle;
  readonly #out: Output<FileEntry>;
  #waiting = 0;
  #isAsking = false;
  #emptyAnswers = 0;

  constructor(handle: RemoteHandle, out: Subscriber<FileEntry>) {
    this.#handle = handle;
    this.#out = new Output(out);
  }

  ask(): void {
    if (this.#isAsking || this.#out.isOver() || this.#waiting >= MOST_WAITING) return;
    this.#isAsking = true;
    try {
      this.#handle.session.send(this, (id) =>
        encodePacket({ type: 'READDIR', id, handle: this.#handle.bytes }),
      );
    } catch (thrown) {
      // the handle was closed meanwhile
      this.#out.error(thrown);
    }
  }

  answer(reply: ReplyPacket): void {
    this.#isAsking = false;
    if (this.#out.isOver()) return;
    if (reply.type === 'NAME') this.#emit(reply.names);
    else if (isStatus(reply, StatusCode.EOF)) this.#out.complete();
    else this.#out.error(refusal(this.#handle.operation('list'), reply));
  }

  fail(error: SshError): void {
    this.#out.error(error);
  }

  #emit(items: readonly NameItem[]): void {
    this.#emptyAnswers = items.length === 0 ? this.#emptyAnswers + 1 : 0;
    if (this.#emptyAnswers > MOST_EMPTY) throw protocolError('NAME without names, again and again');
    const entries = items.filter(({ filename }) => !isDots(filename));
    this.#waiting += entries.length;
    // on its way while these are worked on
    this.ask();
    for (const entry of entries) {
      if (this.#out.isOver()) return;
      this.#out.deliver(entryOf(entry), () => {
        this.#waiting--;
        this.ask();
      });
    }
  }
}

const DOT = 0x2e;

function isDots(name: Uint8Array): boolean {
  return name.length <= 2 && name.length > 0 && name.every((byte) => byte === DOT);
}

/** Names are copied: an entry that is kept shall not keep the packet that it came in. */
function entryOf({ filename, longname, attributes }: NameItem): FileEntry {
  return { name: fileName(filename.slice()), attributes, longname: utf8Text(longname) };
}
