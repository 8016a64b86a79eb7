/** Bytes as text where they are UTF-8: a character that two chunks share is kept whole. */

/** A piece of output as JSON has it. */
export type OutputPiece = { readonly text: string } | { readonly base64: string };

/** The longest character without its last byte. */
const MAX_INCOMPLETE = 3;

/** The chunks of one stream. */
export class Utf8Pieces {
  #rest = new Uint8Array(0);

  push(data: Uint8Array): readonly OutputPiece[] {
    const bytes = Buffer.concat([this.#rest, data]);
    const cut = bytes.length - incomplete(bytes);
    this.#rest = Uint8Array.from(bytes.subarray(cut));
    return piece(bytes.subarray(0, cut));
  }

  /** What is left at the end is no character. */
  end(): readonly OutputPiece[] {
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    return piece(rest);
  }
}

function piece(bytes: Uint8Array): readonly OutputPiece[] {
  if (bytes.length === 0) return [];
  try {
    return [{ text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }];
  } catch {
    return [{ base64: Buffer.from(bytes).toString('base64') }];
  }
}

/** How many bytes at the end begin a character that more bytes may complete. */
function incomplete(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(MAX_INCOMPLETE, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return isLead(byte) && back < sequenceLength(byte) ? back : 0;
  }
  return 0;
}

/** The others begin no character (RFC 3629 §3). */
function isLead(byte: number): boolean {
  return byte >= 0xc2 && byte <= 0xf4;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}
