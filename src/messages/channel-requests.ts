/** Payloads of the channel requests of a session (RFC 4254 §6). */
import { ascii, boolean, optional, string, text, uint32, utf8 } from '../wire/fields.ts';
import { struct } from '../wire/struct.ts';

/** RFC 4254 §6.2; sizes in characters and in pixels. */
export const ptyReq = struct('pty-req', {
  term: utf8,
  columns: uint32,
  rows: uint32,
  widthPixels: uint32,
  heightPixels: uint32,
  terminalModes: string,
});

/** RFC 4254 §6.3.1. */
export const x11Req = struct('x11-req', {
  singleConnection: boolean,
  authenticationProtocol: ascii,
  authenticationCookie: ascii,
  screenNumber: uint32,
});

/** RFC 4254 §6.3.2: OPEN of a connection to the client's display. */
export const x11 = struct('x11', { originatorAddress: utf8, originatorPort: uint32 });

/** RFC 4254 §6.4. The name and value are bytes to the server; rxssh sends UTF-8. */
export const env = struct('env', { name: utf8, value: utf8 });

/** RFC 4254 §6.5. A command is bytes, whatever their encoding. */
export const exec = struct('exec', { command: string });

/** RFC 4254 §6.5. */
export const subsystem = struct('subsystem', { name: utf8 });

/** RFC 4254 §6.7. */
export const windowChange = struct('window-change', {
  columns: uint32,
  rows: uint32,
  widthPixels: uint32,
  heightPixels: uint32,
});

/** RFC 4254 §6.8. */
export const xonXoff = struct('xon-xoff', { clientCanDo: boolean });

/** RFC 4254 §6.9; the name without `SIG`. */
export const signal = struct('signal', { name: ascii });

/** RFC 4335; milliseconds, 0 where the length does not matter. */
export const breakRequest = struct('break', { length: uint32 });

/** RFC 4254 §6.10. */
export const exitStatus = struct('exit-status', { status: uint32 });

/** RFC 4254 §6.10. */
export const exitSignal = struct('exit-signal', {
  signal: ascii,
  coreDumped: boolean,
  errorMessage: optional(text, ''),
  languageTag: optional(text, ''),
});

/** Size of a terminal: characters, and pixels (0 where unknown). */
export interface WindowSize {
  /** Characters in a row. */
  readonly columns: number;
  /** Rows. */
  readonly rows: number;
  /** Pixels; 0 where unknown. */
  readonly widthPixels: number;
  /** Pixels; 0 where unknown. */
  readonly heightPixels: number;
}
