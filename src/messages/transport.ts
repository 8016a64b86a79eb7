/** Messages of the transport layer: RFC 4253 §11 and §7, EXT_INFO (RFC 8308). */
import {
  ascii,
  boolean,
  fixed,
  list,
  nameList,
  optional,
  string,
  text,
  uint32,
} from '../wire/fields.ts';
import { message, type MessageOf } from '../wire/message.ts';

/** Entries that an EXT_INFO may have: bounds what an unauthenticated peer makes us keep. */
const MAX_EXTENSIONS = 1024;

/** RFC 4253 §11.1; a peer may leave out the language tag. */
export const DISCONNECT = message(1, 'DISCONNECT', {
  reasonCode: uint32,
  description: optional(text, ''),
  languageTag: optional(text, ''),
});

/** RFC 4253 §11.2. */
export const IGNORE = message(2, 'IGNORE', { data: optional(string, new Uint8Array(0)) });

/** RFC 4253 §11.4. */
export const UNIMPLEMENTED = message(3, 'UNIMPLEMENTED', { packetSequenceNumber: uint32 });

/** RFC 4253 §11.3. */
export const DEBUG = message(4, 'DEBUG', {
  alwaysDisplay: boolean,
  message: text,
  languageTag: optional(text, ''),
});

/** RFC 4253 §10. */
export const SERVICE_REQUEST = message(5, 'SERVICE_REQUEST', { serviceName: ascii });

/** RFC 4253 §10; old servers leave out the name. */
export const SERVICE_ACCEPT = message(6, 'SERVICE_ACCEPT', { serviceName: optional(ascii, '') });

/** RFC 8308 §2.3. */
export const EXT_INFO = message(7, 'EXT_INFO', {
  extensions: list({ name: ascii, value: string }, 8, MAX_EXTENSIONS),
});

/** RFC 4253 §7.1. */
export const KEXINIT = message(20, 'KEXINIT', {
  cookie: fixed(16),
  kexAlgorithms: nameList,
  serverHostKeyAlgorithms: nameList,
  encryptionClientToServer: nameList,
  encryptionServerToClient: nameList,
  macClientToServer: nameList,
  macServerToClient: nameList,
  compressionClientToServer: nameList,
  compressionServerToClient: nameList,
  languagesClientToServer: nameList,
  languagesServerToClient: nameList,
  firstKexPacketFollows: boolean,
  reserved: uint32,
});

/** RFC 4253 §7.3. */
export const NEWKEYS = message(21, 'NEWKEYS', {});

/** OpenSSH PROTOCOL 1.10: asks for its data back; a server says in EXT_INFO that it answers. */
export const PING = message(192, 'PING', { data: string });

/** OpenSSH PROTOCOL 1.10. */
export const PONG = message(193, 'PONG', { data: string });

/** What both roles may receive at any time after the identification, as far as the key exchange allows it. */
export const TRANSPORT_MESSAGES = [
  DISCONNECT,
  IGNORE,
  UNIMPLEMENTED,
  DEBUG,
  SERVICE_REQUEST,
  SERVICE_ACCEPT,
  EXT_INFO,
  KEXINIT,
  NEWKEYS,
  PING,
  PONG,
] as const;

/** A key exchange proposal as it stands on the wire. */
export type KexInit = MessageOf<typeof KEXINIT>;

/** Any message of the transport layer. */
export type TransportMessage = MessageOf<(typeof TRANSPORT_MESSAGES)[number]>;
