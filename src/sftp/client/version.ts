/** What a server says first: the version of SFTP that it speaks, or something that is no SFTP at all. */
import { escapeText, protocolError, type SshError } from '../../errors.ts';
import { utf8Text } from '../../wire/bytes.ts';
import { readReply, SFTP_VERSION } from '../packets.ts';

/** A server's VERSION. */
export interface ServerVersion {
  /** 3, or less: servers of version 2 have no symbolic links, and those before it no renaming. */
  readonly version: number;
  /** Its extensions by name, and what it says of each. */
  readonly extensions: ReadonlyMap<string, string>;
}

/** First version of SFTP that renames, and the first that has symbolic links. */
export const RENAMING = 2;
export const LINKING = 3;

const VERSION = 2;
/** Characters of what is no SFTP that an error shows. */
const SHOWN = 200;

/** The server's first packet. Throws `protocol` for anything but a VERSION that answers ours. */
export function versionOf(packet: Uint8Array): ServerVersion {
  if (packet[0] !== VERSION) throw notSftp(packet);
  const reply = readReply(packet);
  if (reply?.type !== 'VERSION') throw notSftp(packet);
  if (reply.version > SFTP_VERSION)
    throw protocolError(
      `the server speaks SFTP version ${String(reply.version)}, where it was asked for ${String(SFTP_VERSION)}`,
    );
  const extensions = reply.extensions.map(({ name, data }) => [name, utf8Text(data)] as const);
  return { version: reply.version, extensions: new Map(extensions) };
}

/** The error of a server that says something else: most often a shell whose start-up file prints. */
export function notSftp(bytes: Uint8Array): SshError<'protocol'> {
  const text = escapeText(utf8Text(bytes.subarray(0, SHOWN * 4)), SHOWN);
  return protocolError(
    `the server does not speak SFTP; it says "${text}" (does a start-up file of the account's shell print something?)`,
  );
}
