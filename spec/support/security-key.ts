/** A security key made of software, with a codec of its own (OpenSSH PROTOCOL.u2f): it says of itself what a spec wants. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { parsePublicKey } from '../../src/keys/public-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { byte, cat, mpint, str, u32 } from './raw-peer/bytes.ts';

export type SecurityKeyType = 'sk-ssh-ed25519@openssh.com' | 'sk-ecdsa-sha2-nistp256@openssh.com';

/** Touched, and no more. */
export const TOUCHED = 1;
export const VERIFIED = 4;

/** @param flags - what it says with every signature */
export function securityKey(
  type: SecurityKeyType = 'sk-ssh-ed25519@openssh.com',
  flags = TOUCHED,
  application = 'ssh:',
): Signer {
  const isEd25519 = type.includes('ed25519');
  const { publicKey, privateKey } = isEd25519
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const [left, right] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const numbers = isEd25519 ? str(left) : cat(str('nistp256'), str(cat(byte(4), left, right)));
  const hash = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();
  return {
    publicKey: parsePublicKey(cat(str(type), numbers, str(application))),
    algorithms: [type],
    sign: (data) => {
      const state = cat(byte(flags), u32(42));
      const seen = cat(hash(application), state, hash(data));
      if (isEd25519) return cat(str(type), str(sign(null, seen, privateKey)), state);
      const both = sign('sha256', seen, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const inner = cat(mpint(both.subarray(0, 32)), mpint(both.subarray(32)));
      return cat(str(type), str(inner), state);
    },
  };
}
