/** Messages that the raw peer says, field by field: payloads without any encoder of the library. */
import { bool, byte, type Bytes, cat, names, str, u32 } from './bytes.ts';

/** Numbers by name (RFC 4250 §4.1.2). */
export const Msg = {
  ...{ DISCONNECT: 1, IGNORE: 2, UNIMPLEMENTED: 3, DEBUG: 4, SERVICE_REQUEST: 5 },
  ...{ SERVICE_ACCEPT: 6, EXT_INFO: 7, KEXINIT: 20, NEWKEYS: 21, ECDH_INIT: 30, ECDH_REPLY: 31 },
  ...{
    AUTH_REQUEST: 50,
    AUTH_FAILURE: 51,
    AUTH_SUCCESS: 52,
    AUTH_BANNER: 53,
    PK_OK: 60,
    INFO_RESPONSE: 61,
  },
  ...{ GLOBAL_REQUEST: 80, REQUEST_SUCCESS: 81, REQUEST_FAILURE: 82, OPEN: 90 },
  ...{ OPEN_CONFIRMATION: 91, OPEN_FAILURE: 92, WINDOW_ADJUST: 93, DATA: 94, EXTENDED_DATA: 95 },
  ...{ EOF: 96, CLOSE: 97, REQUEST: 98, SUCCESS: 99, FAILURE: 100, PING: 192, PONG: 193 },
} as const;

export const disconnect = (reason = 11, description: Bytes = ''): Buffer =>
  cat(byte(1), u32(reason), str(description), str(''));
export const ignore = (data: Bytes = 'x'): Buffer => cat(byte(2), str(data));
export const unimplemented = (sequence: number): Buffer => cat(byte(3), u32(sequence));
export const debug = (text: Bytes): Buffer => cat(byte(4), bool(true), str(text), str(''));
export const serviceRequest = (name: Bytes = 'ssh-userauth'): Buffer => cat(byte(5), str(name));
export const serviceAccept = (name: Bytes = 'ssh-userauth'): Buffer => cat(byte(6), str(name));
export const extInfo = (...entries: readonly (readonly [string, Bytes])[]): Buffer =>
  cat(byte(7), u32(entries.length), ...entries.flatMap(([name, value]) => [str(name), str(value)]));

export const authRequest = (user: Bytes, method: string, ...data: readonly Bytes[]): Buffer =>
  cat(byte(50), str(user), str('ssh-connection'), str(method), ...data);
export const none = (user: Bytes = 'me'): Buffer => authRequest(user, 'none');
export const password = (word: Bytes, user: Bytes = 'me'): Buffer =>
  authRequest(user, 'password', bool(false), str(word));
export const authFailure = (partial: boolean, ...methods: readonly string[]): Buffer =>
  cat(byte(51), names(...methods), bool(partial));
export const authSuccess = (): Buffer => byte(52);

export const globalRequest = (name: string, wantReply: boolean, data: Bytes = ''): Buffer =>
  cat(byte(80), str(name), bool(wantReply), data);
export const open = (
  type: string,
  sender: number,
  window = 0x200000,
  maximumPacket = 0x8000,
  data: Bytes = '',
): Buffer => cat(byte(90), str(type), u32(sender), u32(window), u32(maximumPacket), data);
export const confirm = (
  recipient: number,
  sender: number,
  window = 0x200000,
  maximumPacket = 0x8000,
): Buffer => cat(byte(91), u32(recipient), u32(sender), u32(window), u32(maximumPacket));
export const openFailure = (recipient: number, reason = 1, description: Bytes = 'no'): Buffer =>
  cat(byte(92), u32(recipient), u32(reason), str(description), str(''));
export const adjust = (recipient: number, bytes: number): Buffer =>
  cat(byte(93), u32(recipient), u32(bytes));
export const data = (recipient: number, bytes: Bytes): Buffer =>
  cat(byte(94), u32(recipient), str(bytes));
export const extendedData = (recipient: number, type: number, bytes: Bytes): Buffer =>
  cat(byte(95), u32(recipient), u32(type), str(bytes));
export const eof = (recipient: number): Buffer => cat(byte(96), u32(recipient));
export const close = (recipient: number): Buffer => cat(byte(97), u32(recipient));
export const request = (
  recipient: number,
  type: string,
  wantReply: boolean,
  payload: Bytes = '',
): Buffer => cat(byte(98), u32(recipient), str(type), bool(wantReply), payload);
export const success = (recipient: number): Buffer => cat(byte(99), u32(recipient));
export const failure = (recipient: number): Buffer => cat(byte(100), u32(recipient));
export const ping = (text: Bytes): Buffer => cat(byte(192), str(text));
