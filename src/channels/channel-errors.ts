/** Errors of channels and of requests. */
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

/** The error of a request that the peer has answered with failure. */
export function refusedRequestError(request: string): SshError<'request-refused'> {
  return new SshError('request-refused', `${request} was refused`, { request });
}
