/**
 * The identification string (RFC 4253 §4.2): lines before it, the line itself, and their limits. A pure parser, fed byte by
 * byte so that the chunking does not matter and no more than one line is ever kept.
 */
import { escapeText, protocolError, SshError } from '../errors.ts';
import { utf8Bytes, utf8Text } from '../wire/bytes.ts';
import type { Role } from './role.ts';

/** What rxssh says of itself. */
const SOFTWARE_VERSION = 'rxssh_0.1';

/** RFC 4253 §4.2: 255 characters with CR LF. */
const MAX_IDENTIFICATION = 253;
/** OpenSSH's limits for the lines that a server may send first: bounds a hostile server to 8 KiB of our memory. */
const MAX_BANNER_LINE = 8192;
const MAX_BANNER_LINES = 1024;

/** Of what somebody says who is no SSH server. */
const MAX_QUOTED = 256;

const CR = 0x0d;
const LF = 0x0a;
const PREFIX = utf8Bytes('SSH-');

/** The peer's identification, exactly as it goes into the exchange hash: without CR LF. */
export interface Identification {
  /** The line as it came. */
  readonly bytes: Uint8Array;
  /** Software version and comments, not yet escaped for display. */
  readonly text: string;
}

/** Can an identification string name this software, with comments behind it perhaps? */
export function isSoftwareVersion(text: string): boolean {
  const hasVersion = /^[\x21-\x2c\x2e-\x7e]+( [\x20-\x7e]+)?$/.test(text);
  return hasVersion && text.length <= MAX_IDENTIFICATION - 8;
}

/** Our own identification string, without CR LF. Throws `config` for software that it cannot name. */
export function ownIdentification(software: string = SOFTWARE_VERSION): Uint8Array {
  if (isSoftwareVersion(software)) return utf8Bytes(`SSH-2.0-${software}`);
  const text = 'software is not printable US-ASCII without a minus sign';
  throw new SshError('config', text, { option: 'software' });
}

/** Reads the lines of a peer up to and with its identification. */
export class IdentificationParser {
  readonly #role: Role;
  readonly #said: number[] = [];
  #line: number[] = [];
  #lines = 0;

  /** @param role - ours: only a server may send other lines first, so only a client accepts them */
  constructor(role: Role) {
    this.#role = role;
  }

  /** Takes one byte; gives the identification when its line is complete. Throws a `protocol` error past a limit. */
  push(byte: number): Identification | undefined {
    if (this.#role === 'client' && this.#said.length < MAX_QUOTED) this.#said.push(byte);
    if (byte !== LF) {
      this.#line.push(byte);
      this.#checkLength();
      return undefined;
    }
    if (this.#line.at(-1) === CR) this.#line.pop();
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    if (PREFIX.every((expected, i) => line[i] === expected)) return accept(line, this.#role);
    this.#lines++;
    if (this.#role === 'server')
      throw protocolError('the client did not begin with its identification');
    if (this.#lines > MAX_BANNER_LINES)
      throw protocolError('more than 1024 lines before the identification');
    return undefined;
  }

  /** The error of a server that leaves without its identification, where it has said something else, which is quoted. */
  left(): SshError<'connection-lost'> | undefined {
    const lines = utf8Text(Uint8Array.from(this.#said)).split(/[\r\n]+/);
    const said = lines.find((line) => line.trim() !== '');
    if (said === undefined || said.startsWith('SSH-') || 'SSH-'.startsWith(said)) return undefined;
    const message = `connection lost: the peer closed the connection before it identified itself; it said: ${escapeText(said)}`;
    return new SshError('connection-lost', message, {});
  }

  #checkLength(): void {
    const isIdentification = PREFIX.every((expected, i) => this.#line[i] === expected);
    if (isIdentification && this.#line.length > MAX_IDENTIFICATION + 1) {
      throw protocolError('identification longer than 255 characters');
    }
    if (this.#role === 'server' && this.#line.length === PREFIX.length && !isIdentification) {
      throw protocolError('the client did not begin with its identification');
    }
    if (this.#line.length > MAX_BANNER_LINE)
      throw protocolError('line longer than 8192 bytes before the identification');
  }
}

function accept(line: Uint8Array, role: Role): Identification {
  if (line.length > MAX_IDENTIFICATION)
    throw protocolError('identification longer than 255 characters');
  if (line.includes(0)) throw protocolError('identification with a NUL byte');
  const text = new TextDecoder('latin1').decode(line);
  const version = /^SSH-([^-]*)-/.exec(text)?.[1];
  // 1.99 is a server that also speaks the old protocol (RFC 4253 §5.1)
  if (version !== '2.0' && !(version === '1.99' && role === 'client')) {
    throw protocolError('the peer does not speak SSH 2.0', 8);
  }
  return { bytes: line, text };
}
