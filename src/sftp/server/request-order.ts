/**
 * The order of requests (draft-ietf-secsh-filexfer-02 §6): those for the same file are done one after the other, as they came;
 * others side by side. What lies above or below a path counts as the same, so that a folder is there before what goes into it.
 */
import { overlap } from './virtual-path.ts';

/** What a request is about. */
export interface Claim {
  /** Virtual paths: what the client named, and what its handles were opened by. */
  readonly paths: readonly Uint8Array[];
  /** Handles that it uses, whatever it does with them. */
  readonly handles: readonly object[];
  /** Does it change anything? Requests that only look do not wait for each other. */
  readonly changes: boolean;
  /** The bytes of its handle that it writes, where the file takes writes to different places together. */
  readonly range?: ByteRange | undefined;
}

/** Bytes of a file, without the one at `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

interface Entry {
  readonly claim: Claim;
  /** Earlier claims that it waits for. */
  blockers: number;
  readonly waiting: Entry[];
  begin: (() => void) | undefined;
}

/** The claims that are under way in one session. */
export class RequestOrder {
  readonly #entries = new Set<Entry>();

  /**
   * Enters a claim behind those that are there.
   *
   * @param begin - called when nothing stands in its way any more, at once if nothing does
   * @returns ends the claim; only the first call counts
   */
  enter(claim: Claim, begin: () => void): () => void {
    const entry: Entry = { claim, blockers: 0, waiting: [], begin };
    for (const earlier of this.#entries) {
      if (!inTheWay(earlier.claim, claim)) continue;
      entry.blockers++;
      earlier.waiting.push(entry);
    }
    this.#entries.add(entry);
    if (entry.blockers === 0) begin();
    return () => this.#leave(entry);
  }

  #leave(entry: Entry): void {
    entry.begin = undefined;
    if (!this.#entries.delete(entry)) return;
    for (const later of entry.waiting) {
      later.blockers--;
      if (later.blockers === 0) later.begin?.();
    }
  }
}

/**
 * READs of one handle have no range: they are answered in the order of asking. Any order is allowed (draft-ietf-secsh-filexfer-02 §6.1),
 * but OpenSSH's scp 9.2 then cuts the file off and ends with status 0, and PuTTY's pscp 0.78 gives up.
 */
function inTheWay(earlier: Claim, later: Claim): boolean {
  if (later.handles.some((handle) => earlier.handles.includes(handle)))
    return !areApart(earlier.range, later.range);
  if (!earlier.changes && !later.changes) return false;
  return later.paths.some((path) => earlier.paths.some((other) => overlap(path, other)));
}

function areApart(a: ByteRange | undefined, b: ByteRange | undefined): boolean {
  return a !== undefined && b !== undefined && (a.end <= b.start || b.end <= a.start);
}
