/**
 * The text around an OpenSSH private key file: marks and base64 (PROTOCOL.key §1). Files in other formats are recognised by
 * their first line, so that people are told what they have instead of "malformed".
 */
import { fromBase64, toBase64, utf8Text } from '../wire/bytes.ts';
import { keyFormatError } from './key-format.ts';

/** Longest key file that is read; the longest useful one takes 13 KiB. */
const MAX_FILE_LENGTH = 1 << 20;

const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
const LINE_LENGTH = 70;

const BY_SSH_KEYGEN = 'ssh-keygen -p -f FILE converts it to the OpenSSH format';
const BY_PUTTYGEN = 'puttygen FILE -O private-openssh-new -o NEW-FILE converts it';

/** How files in other formats begin, what they are, and how to get from there to here. */
const FOREIGN_FORMATS: readonly (readonly [start: string, name: string, advice: string])[] = [
  ['-----BEGIN RSA PRIVATE KEY-----', 'PKCS#1 (PEM)', BY_SSH_KEYGEN],
  ['-----BEGIN EC PRIVATE KEY-----', 'SEC 1 (PEM)', BY_SSH_KEYGEN],
  ['-----BEGIN PRIVATE KEY-----', 'PKCS#8 (PEM)', BY_SSH_KEYGEN],
  ['-----BEGIN ENCRYPTED PRIVATE KEY-----', 'encrypted PKCS#8 (PEM)', BY_SSH_KEYGEN],
  ['-----BEGIN DSA PRIVATE KEY-----', 'DSA (PEM)', 'DSA keys are no longer safe'],
  ['PuTTY-User-Key-File-', 'PuTTY', BY_PUTTYGEN],
  ['---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----', 'ssh.com', BY_PUTTYGEN],
  ['SSH PRIVATE KEY FILE FORMAT 1.1', 'SSH-1', 'SSH-1 keys are no longer safe'],
];

const PUBLIC_KEY_STARTS = ['ssh-', 'ecdsa-', 'sk-', '---- BEGIN SSH2 PUBLIC KEY'] as const;

/**
 * The bytes between the marks. White space may stand before the first one; what stands behind the second one is passed over,
 * as OpenSSH does.
 *
 * Throws a `key-format` error: `malformed`, or `unsupported` for a file in another format, which the message names.
 *
 * @param what - how messages call the file
 */
export function readArmor(file: string | Uint8Array, what: string): Uint8Array {
  if (file.length > MAX_FILE_LENGTH)
    throw keyFormatError('malformed', `${what}: longer than ${String(MAX_FILE_LENGTH)} bytes`);
  const text = (typeof file === 'string' ? file : utf8Text(file)).trimStart();
  if (!text.startsWith(BEGIN)) throw foreignFormat(text, what);
  const end = text.indexOf(END, BEGIN.length);
  if (end < 0) throw keyFormatError('malformed', `${what}: no line ${END}`);
  const bytes = fromBase64(text.slice(BEGIN.length, end).replace(/[\r\n\t ]+/g, ''));
  if (bytes === undefined) throw keyFormatError('malformed', `${what}: not base64`);
  return bytes;
}

/** Bytes as a file: marks, and base64 in lines of 70 characters. */
export function writeArmor(bytes: Uint8Array): string {
  const base64 = toBase64(bytes);
  let lines = '';
  for (let at = 0; at < base64.length; at += LINE_LENGTH)
    lines += `${base64.slice(at, at + LINE_LENGTH)}\n`;
  return `${BEGIN}\n${lines}${END}\n`;
}

function foreignFormat(text: string, what: string): Error {
  const format = FOREIGN_FORMATS.find(([start]) => text.startsWith(start));
  if (format !== undefined) {
    const [, name, advice] = format;
    return keyFormatError('unsupported', `${what}: the format ${name} is not supported; ${advice}`);
  }
  return PUBLIC_KEY_STARTS.some((start) => text.startsWith(start))
    ? keyFormatError('malformed', `${what}: this is a public key, not a private one`)
    : keyFormatError('malformed', `${what}: does not begin with ${BEGIN}`);
}
