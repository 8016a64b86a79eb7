/** In which order SYMLINK names its paths (OpenSSH's PROTOCOL, 4.1). */

/** It has the draft's order with all who do not call themselves OpenSSH or paramiko. */
const ASYNCSSH = 'SSH-2.0-AsyncSSH_';

/**
 * Whether a peer names the link before its target, as draft-ietf-secsh-filexfer-02 §6.10 has it. OpenSSH does it the other way round,
 * and so does nearly everyone.
 */
export function hasDraftSymlink(peerIdentification: string): boolean {
  return peerIdentification.startsWith(ASYNCSSH);
}
