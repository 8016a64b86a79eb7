/** Payloads of the rotation of host keys (OpenSSH PROTOCOL 2.5). */
import { ascii, many, string } from '../wire/fields.ts';
import { struct } from '../wire/struct.ts';

/** A server tells of all its host keys. */
export const HOST_KEYS = 'hostkeys-00@openssh.com';
/** A client asks for a proof of some of them; the proofs are signed for this name. */
export const HOST_KEYS_PROVE = 'hostkeys-prove-00@openssh.com';

/** Most keys of one server; one of each type is usual. */
const MAX_HOST_KEYS = 64;

/** `hostkeys-00@openssh.com` and `hostkeys-prove-00@openssh.com`: public key blobs. */
export const hostKeyList = struct('host keys', {
  hostKeys: many({ blob: string }, MAX_HOST_KEYS),
});

/** The reply to `hostkeys-prove-00@openssh.com`: signature blobs, in the order of the keys. */
export const hostKeyProofs = struct('host key proofs', {
  proofs: many({ signature: string }, MAX_HOST_KEYS),
});

/** What each proof is a signature over: it is good for one key in one session. */
export const hostKeyProofData = struct('host key proof data', {
  purpose: ascii,
  sessionId: string,
  hostKey: string,
});
