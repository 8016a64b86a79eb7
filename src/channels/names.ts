/** Names of channel types and requests (RFC 4250 §4.6.1). */
import { escapeText, SshError } from '../errors.ts';

const NAME = /^[\x21-\x7e]{1,64}$/;

/** OpenSSH's name for a question that every peer answers, be it with a failure; some ask it on a channel. */
export const KEEPALIVE_REQUEST = 'keepalive@openssh.com';

/** Throws `config` for what is no name: the peer would take it for a broken message and end the connection for everyone. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  const text = `${JSON.stringify(escapeText(name, 64))} is not 1 to 64 printable US-ASCII characters`;
  throw new SshError('config', text, { option: 'name' });
}
