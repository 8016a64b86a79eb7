/** The two ends of a connection; below authentication they are one machine. */

/** Which end we are. */
export type Role = 'client' | 'server';

/** The other end. */
export function peerOf(role: Role): Role {
  return role === 'client' ? 'server' : 'client';
}
