/** Messages of the authentication protocol (RFC 4252). */
import {
  ascii,
  boolean,
  list,
  nameList,
  optional,
  rest,
  string,
  text,
  utf8,
} from '../wire/fields.ts';
import { message, type MessageOf } from '../wire/message.ts';
import { struct } from '../wire/struct.ts';

/** RFC 4252 §5; what follows the method's name depends on the method. */
export const USERAUTH_REQUEST = message(50, 'USERAUTH_REQUEST', {
  userName: utf8,
  serviceName: ascii,
  methodName: ascii,
  methodData: rest,
});

/** RFC 4252 §5.1. */
export const USERAUTH_FAILURE = message(51, 'USERAUTH_FAILURE', {
  methodsThatCanContinue: nameList,
  partialSuccess: boolean,
});

/** RFC 4252 §5.1. */
export const USERAUTH_SUCCESS = message(52, 'USERAUTH_SUCCESS', {});

/** RFC 4252 §5.4. */
export const USERAUTH_BANNER = message(53, 'USERAUTH_BANNER', {
  message: text,
  languageTag: optional(text, ''),
});

/** RFC 4252 §7: message 60 while the method is `publickey`. */
export const USERAUTH_PK_OK = message(60, 'USERAUTH_PK_OK', {
  algorithm: ascii,
  publicKey: string,
});

/** RFC 4252 §8: message 60 while the method is `password`. */
export const USERAUTH_PASSWD_CHANGEREQ = message(60, 'USERAUTH_PASSWD_CHANGEREQ', {
  prompt: text,
  languageTag: optional(text, ''),
});

/** Most questions in one USERAUTH_INFO_REQUEST. */
export const MAX_PROMPTS = 64;

/** RFC 4256 §3.2: message 60 while the method is `keyboard-interactive`. */
export const USERAUTH_INFO_REQUEST = message(60, 'USERAUTH_INFO_REQUEST', {
  name: text,
  instruction: text,
  languageTag: text,
  prompts: list({ prompt: text, echo: boolean }, 5, MAX_PROMPTS),
});

/** RFC 4256 §3.4. */
export const USERAUTH_INFO_RESPONSE = message(61, 'USERAUTH_INFO_RESPONSE', {
  responses: list({ response: utf8 }, 4, MAX_PROMPTS),
});

/** Data of a `password` request (RFC 4252 §8); a change carries the new password behind the old one. */
export const passwordData = struct('password request', { change: boolean, password: utf8, rest });

/** Data of a `publickey` request (RFC 4252 §7): the signature is there when `signed` is true. */
export const publicKeyData = struct('publickey request', {
  signed: boolean,
  algorithm: ascii,
  publicKey: string,
  rest,
});

/** Data of a `hostbased` request (RFC 4252 §9). */
export const hostbasedData = struct('hostbased request', {
  algorithm: ascii,
  hostKey: string,
  clientHost: ascii,
  localUser: utf8,
  signature: string,
});

/** Data of a `keyboard-interactive` request (RFC 4256 §3.1). */
export const interactiveData = struct('keyboard-interactive request', {
  languageTag: text,
  submethods: text,
});

/** What a server may receive (RFC 4252 §5, RFC 4256 §3.4). */
export const USERAUTH_SERVER_MESSAGES = [USERAUTH_REQUEST, USERAUTH_INFO_RESPONSE] as const;

/** What a client may receive whatever the method (RFC 4252 §5). */
export const USERAUTH_CLIENT_MESSAGES = [
  USERAUTH_FAILURE,
  USERAUTH_SUCCESS,
  USERAUTH_BANNER,
] as const;

/** Messages 60 to 79 that a client may receive, by the method that is being tried. */
export const USERAUTH_METHOD_MESSAGES = {
  publickey: [USERAUTH_PK_OK],
  password: [USERAUTH_PASSWD_CHANGEREQ],
  'keyboard-interactive': [USERAUTH_INFO_REQUEST],
} as const;

/** Any message of the authentication protocol. */
export type UserauthMessage = MessageOf<
  | (typeof USERAUTH_SERVER_MESSAGES)[number]
  | (typeof USERAUTH_CLIENT_MESSAGES)[number]
  | (typeof USERAUTH_METHOD_MESSAGES)[keyof typeof USERAUTH_METHOD_MESSAGES][number]
>;
