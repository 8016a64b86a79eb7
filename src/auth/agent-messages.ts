/** Messages between an SSH agent and its clients (RFC 9987 §3), as far as a client needs them to list keys and to sign. */
import { escapeText, protocolError, SshError } from '../errors.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

/** Message numbers (RFC 9987 §6.1). */
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

/** Keys of one agent that are looked at. */
const MAX_IDENTITIES = 1024;
/** An empty blob and an empty comment. */
const SMALLEST_IDENTITY = 8;

/** Flags that choose RSA's hash (RFC 9987 §3.6.1); without one an agent signs with SHA-1. */
const SIGN_FLAGS: ReadonlyMap<string, number> = new Map([
  ['rsa-sha2-256', 2],
  ['rsa-sha2-512', 4],
]);

/** A key that an agent holds. */
export interface AgentIdentity {
  readonly publicKey: Uint8Array;
  /** Free text: escape it before it is shown. */
  readonly comment: string;
}

/** SSH_AGENTC_REQUEST_IDENTITIES (RFC 9987 §3.5). */
export function requestIdentities(): Uint8Array {
  return new Writer().byte(REQUEST_IDENTITIES).bytes();
}

/**
 * Reads SSH_AGENT_IDENTITIES_ANSWER (RFC 9987 §3.5).
 *
 * Throws `request-refused` for SSH_AGENT_FAILURE, `overflow` for more than 1024 keys, `protocol` for anything else.
 */
export function readIdentities(reply: Uint8Array): readonly AgentIdentity[] {
  const reader = openReply(reply, IDENTITIES_ANSWER, 'list its keys');
  const count = reader.count(SMALLEST_IDENTITY);
  if (count > MAX_IDENTITIES) {
    const detail = { what: 'keys of the agent', limit: MAX_IDENTITIES };
    throw new SshError('overflow', `the agent holds ${String(count)} keys`, detail);
  }
  const identities: AgentIdentity[] = [];
  for (let i = 0; i < count; i++)
    identities.push({ publicKey: reader.string().slice(), comment: reader.lossyText() });
  reader.end();
  return identities;
}

/**
 * SSH_AGENTC_SIGN_REQUEST (RFC 9987 §3.6).
 *
 * @param publicKey - blob of the key that is to sign
 * @param algorithm - signature algorithm: for RSA it becomes a flag
 */
export function signRequest(
  publicKey: Uint8Array,
  data: Uint8Array,
  algorithm: string,
): Uint8Array {
  return new Writer()
    .byte(SIGN_REQUEST)
    .string(publicKey)
    .string(data)
    .uint32(SIGN_FLAGS.get(algorithm) ?? 0)
    .bytes();
}

/**
 * Reads SSH_AGENT_SIGN_RESPONSE (RFC 9987 §3.6): the signature blob.
 *
 * Throws `request-refused` for SSH_AGENT_FAILURE, `unsupported` when the agent has signed with another algorithm than it was
 * asked for, `protocol` for anything else.
 */
export function readSignature(reply: Uint8Array, algorithm: string): Uint8Array {
  const reader = openReply(reply, SIGN_RESPONSE, 'sign');
  const signature = reader.string().slice();
  reader.end();
  const format = new Reader(signature, "agent's signature").ascii();
  if (format === algorithm) return signature;
  // old agents pass over the flags and sign with SHA-1
  const text = `the agent was asked for ${algorithm} and has signed with ${escapeText(format, 64)}`;
  throw new SshError('unsupported', text, { feature: algorithm });
}

function openReply(reply: Uint8Array, expected: number, what: string): Reader {
  const reader = new Reader(reply, "agent's reply");
  const number = reader.byte();
  if (number === FAILURE) {
    throw new SshError('request-refused', `the agent refuses to ${what}`, {
      request: `agent: ${what}`,
    });
  }
  if (number !== expected)
    throw protocolError(`the agent has answered with message ${String(number)}`);
  return reader;
}
