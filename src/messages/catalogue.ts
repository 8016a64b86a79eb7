/** Every message that rxssh knows, for encoding by name: no two messages share a name, though some share a number. */
import { type AnyMessage, type MessageRow, writeMessage } from '../wire/message.ts';
import type { Writer } from '../wire/writer.ts';
import { CONNECTION_MESSAGES, type ConnectionMessage } from './connection.ts';
import { ECDH_MESSAGES, GROUP_EXCHANGE_MESSAGES, type KexMessage } from './kex.ts';
import { TRANSPORT_MESSAGES, type TransportMessage } from './transport.ts';
import {
  USERAUTH_CLIENT_MESSAGES,
  USERAUTH_METHOD_MESSAGES,
  USERAUTH_SERVER_MESSAGES,
  type UserauthMessage,
} from './userauth.ts';

/** Any message. */
export type Message = TransportMessage | KexMessage | UserauthMessage | ConnectionMessage;

/** All rows. */
export const ALL_MESSAGES: readonly MessageRow[] = [
  ...TRANSPORT_MESSAGES,
  ...ECDH_MESSAGES,
  ...GROUP_EXCHANGE_MESSAGES,
  ...USERAUTH_SERVER_MESSAGES,
  ...USERAUTH_CLIENT_MESSAGES,
  ...USERAUTH_METHOD_MESSAGES.publickey,
  ...USERAUTH_METHOD_MESSAGES.password,
  ...USERAUTH_METHOD_MESSAGES['keyboard-interactive'],
  ...CONNECTION_MESSAGES,
];

const rowsByType: ReadonlyMap<string, MessageRow> = new Map(
  ALL_MESSAGES.map((row) => [row.type, row]),
);

/** Writes a message by the row of its `type`. */
export function encodeMessage(value: AnyMessage, writer: Writer): void {
  const row = rowsByType.get(value.type);
  if (row === undefined) throw new TypeError(`no message is called ${value.type}`);
  writeMessage(row, writer, value);
}
