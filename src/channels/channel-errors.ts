/** Errors of a channel. */
import { escapeText, SshError } from '../errors.ts';
import { nameOfCode, OpenFailureReason } from '../messages/codes.ts';

/** The error of an OPEN that the peer has refused (RFC 4254 §5.1). */
export function channelOpenError(
  reasonCode: number,
  description: string,
): SshError<'channel-open'> {
  const text = escapeText(description);
  const name = nameOfCode(OpenFailureReason, reasonCode);
  return new SshError('channel-open', `channel refused: ${name}${text === '' ? '' : `: ${text}`}`, {
    reasonCode,
    description: text,
  });
}

/** The error of using a channel that was closed in good order. */
export function closedChannelError(): SshError<'released'> {
  return new SshError('released', 'the channel is closed', { what: 'channel' });
}
