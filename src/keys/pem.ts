/** PEM (RFC 1421, RFC 7468): marks, perhaps headers, and base64. OpenSSH's own files are PEM without headers. */
import { fromBase64, toBase64, utf8Text } from '../wire/bytes.ts';
import { keyFormatError } from './key-format.ts';

/** Longest key file that is read; the longest useful one takes 13 KiB. */
const MAX_FILE_LENGTH = 1 << 20;
const LINE_LENGTH = 70;
const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n/;
/** A private key that stands behind something else. */
const PRIVATE_KEY = /^-----BEGIN [A-Z0-9 ]{0,28}PRIVATE KEY-----/m;
const HEADER = /^([A-Za-z0-9-]{1,64}):[ \t]*([^\r\n]*)\r?\n/;

/** What stands between two marks. */
export interface PemBlock {
  /** `RSA PRIVATE KEY`, `OPENSSH PRIVATE KEY`, … */
  readonly label: string;
  /** `Proc-Type`, `DEK-Info` (RFC 1421 §4.6), by name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}

/**
 * The text of a key file from its private key on: OpenSSL writes the parameters of a curve in front of it (`openssl ecparam
 * -genkey`), or what there is to tell of it (`openssl pkcs12`). Where there is none, without white space in front. Throws `key-format`, `malformed`, for one that is too long.
 *
 * @param what - how messages call the file
 */
export function keyFileText(file: string | Uint8Array, what: string): string {
  if (file.length > MAX_FILE_LENGTH)
    throw keyFormatError('malformed', `${what}: longer than ${String(MAX_FILE_LENGTH)} bytes`);
  const text = (typeof file === 'string' ? file : utf8Text(file)).trimStart();
  return text.slice(Math.max(0, text.search(PRIVATE_KEY)));
}

/** The label of the mark that a text begins with. */
export function pemLabel(text: string): string | undefined {
  return BEGIN.exec(text)?.[1];
}

/**
 * Reads the block that a text begins with; what stands behind it is passed over, as OpenSSH does. Throws `key-format`,
 * `malformed`.
 */
export function readPem(text: string, what: string): PemBlock {
  const [mark = '', label = ''] = BEGIN.exec(text) ?? [];
  const end = `-----END ${label}-----`;
  const endAt = text.indexOf(end, mark.length);
  if (endAt < 0) throw keyFormatError('malformed', `${what}: no line ${end}`);
  const headers = new Map<string, string>();
  let body = text.slice(mark.length, endAt);
  for (let header = HEADER.exec(body); header !== null; header = HEADER.exec(body)) {
    const [line, name = '', value = ''] = header;
    headers.set(name, value.trimEnd());
    body = body.slice(line.length);
  }
  const bytes = fromBase64(body.replace(/[\r\n\t ]+/g, ''));
  if (bytes === undefined) throw keyFormatError('malformed', `${what}: not base64`);
  return { label, headers, bytes };
}

/** Bytes as a block: marks, and base64 in lines of 70 characters. */
export function writePem(label: string, bytes: Uint8Array): string {
  const base64 = toBase64(bytes);
  let lines = '';
  for (let at = 0; at < base64.length; at += LINE_LENGTH)
    lines += `${base64.slice(at, at + LINE_LENGTH)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}
