/** Messages of the connection protocol (RFC 4254). */
import { ascii, boolean, optional, rest, string, text, uint32 } from '../wire/fields.ts';
import { message, type MessageOf } from '../wire/message.ts';

/** RFC 4254 §4. */
export const GLOBAL_REQUEST = message(80, 'GLOBAL_REQUEST', {
  requestName: ascii,
  wantReply: boolean,
  payload: rest,
});

/** RFC 4254 §4. */
export const REQUEST_SUCCESS = message(81, 'REQUEST_SUCCESS', { payload: rest });

/** RFC 4254 §4. */
export const REQUEST_FAILURE = message(82, 'REQUEST_FAILURE', {});

/** RFC 4254 §5.1. */
export const CHANNEL_OPEN = message(90, 'CHANNEL_OPEN', {
  channelType: ascii,
  senderChannel: uint32,
  initialWindowSize: uint32,
  maximumPacketSize: uint32,
  payload: rest,
});

/** RFC 4254 §5.1. */
export const CHANNEL_OPEN_CONFIRMATION = message(91, 'CHANNEL_OPEN_CONFIRMATION', {
  recipientChannel: uint32,
  senderChannel: uint32,
  initialWindowSize: uint32,
  maximumPacketSize: uint32,
  payload: rest,
});

/** RFC 4254 §5.1. */
export const CHANNEL_OPEN_FAILURE = message(92, 'CHANNEL_OPEN_FAILURE', {
  recipientChannel: uint32,
  reasonCode: uint32,
  description: optional(text, ''),
  languageTag: optional(text, ''),
});

/** RFC 4254 §5.2. */
export const CHANNEL_WINDOW_ADJUST = message(93, 'CHANNEL_WINDOW_ADJUST', {
  recipientChannel: uint32,
  bytesToAdd: uint32,
});

/** RFC 4254 §5.2. */
export const CHANNEL_DATA = message(94, 'CHANNEL_DATA', { recipientChannel: uint32, data: string });

/** RFC 4254 §5.2. */
export const CHANNEL_EXTENDED_DATA = message(95, 'CHANNEL_EXTENDED_DATA', {
  recipientChannel: uint32,
  dataTypeCode: uint32,
  data: string,
});

/** RFC 4254 §5.3. */
export const CHANNEL_EOF = message(96, 'CHANNEL_EOF', { recipientChannel: uint32 });

/** RFC 4254 §5.3. */
export const CHANNEL_CLOSE = message(97, 'CHANNEL_CLOSE', { recipientChannel: uint32 });

/** RFC 4254 §5.4. */
export const CHANNEL_REQUEST = message(98, 'CHANNEL_REQUEST', {
  recipientChannel: uint32,
  requestType: ascii,
  wantReply: boolean,
  payload: rest,
});

/** RFC 4254 §5.4. */
export const CHANNEL_SUCCESS = message(99, 'CHANNEL_SUCCESS', { recipientChannel: uint32 });

/** RFC 4254 §5.4. */
export const CHANNEL_FAILURE = message(100, 'CHANNEL_FAILURE', { recipientChannel: uint32 });

/** Everything that either role may receive once a user is authenticated. */
export const CONNECTION_MESSAGES = [
  GLOBAL_REQUEST,
  REQUEST_SUCCESS,
  REQUEST_FAILURE,
  CHANNEL_OPEN,
  CHANNEL_OPEN_CONFIRMATION,
  CHANNEL_OPEN_FAILURE,
  CHANNEL_WINDOW_ADJUST,
  CHANNEL_DATA,
  CHANNEL_EXTENDED_DATA,
  CHANNEL_EOF,
  CHANNEL_CLOSE,
  CHANNEL_REQUEST,
  CHANNEL_SUCCESS,
  CHANNEL_FAILURE,
] as const;

/** Any message of the connection protocol. */
export type ConnectionMessage = MessageOf<(typeof CONNECTION_MESSAGES)[number]>;

/** A message that names one of our channels. */
export type ChannelMessage = Extract<ConnectionMessage, { readonly recipientChannel: number }>;
