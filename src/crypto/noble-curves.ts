/** Key agreement and signatures on elliptic curves and ML-KEM in plain JavaScript, on @noble/curves and @noble/post-quantum. */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import {
  brokenPrivateKey,
  checkLength,
  checkSecret,
  checkUncompressedPoint,
  CURVE_LENGTHS,
  isUncompressedPoint,
  keyExchangeFailed,
  lowOrderPoint,
  MLKEM768_CIPHERTEXT_LENGTH,
  MLKEM768_PUBLIC_KEY_LENGTH,
  notOnCurve,
  X25519_LENGTH,
} from './checks.ts';
import { ED25519_SIGNATURE_LENGTH, isSafeEd25519Key } from './ed25519-keys.ts';
import type { CryptoProvider } from './provider.ts';

const CURVES = { nistp256: p256, nistp384: p384, nistp521: p521 };
/** SSH signs the curve's own hash of the data, and takes s in either half of the range (RFC 5656 §3.1.2, §6.2.1). */
const SSH_ECDSA = { prehash: true, lowS: false, format: 'compact' } as const;

type Curves = Pick<
  CryptoProvider,
  | 'x25519'
  | 'ecdh'
  | 'mlkem768'
  | 'mlkem768Encapsulate'
  | 'ed25519PublicKey'
  | 'ed25519Sign'
  | 'ed25519Verify'
  | 'ecdsaGenerate'
  | 'ecdsaPublicKey'
  | 'ecdsaSign'
  | 'ecdsaVerify'
>;

/** The asymmetric rows of the portable provider, but RSA. */
export const nobleCurves: Curves = {
  x25519(privateKey = x25519.utils.randomSecretKey()) {
    const scalar = privateKey.slice();
    return {
      publicKey: x25519.getPublicKey(scalar),
      agree(peerPublicKey) {
        checkLength('X25519 public value', peerPublicKey, X25519_LENGTH);
        return checkSecret(sharedSecret(scalar, peerPublicKey));
      },
    };
  },

  ecdh(curve, privateKey = CURVES[curve].utils.randomSecretKey()) {
    const scalar = privateKey.slice();
    return {
      publicKey: nobleCurves.ecdsaPublicKey(curve, scalar),
      agree(peerPublicKey) {
        checkUncompressedPoint(curve, peerPublicKey);
        try {
          // the x coordinate alone is the secret
          return CURVES[curve].getSharedSecret(scalar, peerPublicKey, true).slice(1);
        } catch (error) {
          throw notOnCurve(curve, error);
        }
      },
    };
  },

  mlkem768(seed) {
    const { publicKey, secretKey } = ml_kem768.keygen(seed);
    return {
      publicKey,
      decapsulate(ciphertext) {
        checkLength('ML-KEM-768 ciphertext', ciphertext, MLKEM768_CIPHERTEXT_LENGTH);
        return ml_kem768.decapsulate(ciphertext, secretKey);
      },
    };
  },

  mlkem768Encapsulate(publicKey, random) {
    checkLength('ML-KEM-768 public key', publicKey, MLKEM768_PUBLIC_KEY_LENGTH);
    try {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, random);
      return { ciphertext: cipherText, sharedSecret };
    } catch (error) {
      // A coefficient that is not reduced: the modulus check of FIPS 203 §7.2.
      throw keyExchangeFailed('ML-KEM-768 public key is malformed', error);
    }
  },

  ed25519PublicKey(seed) {
    return ed25519.getPublicKey(seed);
  },

  ed25519Sign(seed, data) {
    return ed25519.sign(data, seed);
  },

  ed25519Verify(publicKey, data, signature) {
    if (signature.length !== ED25519_SIGNATURE_LENGTH || !isSafeEd25519Key(publicKey)) return false;
    return ed25519.verify(signature, data, publicKey, { zip215: false });
  },

  ecdsaGenerate(curve) {
    return CURVES[curve].utils.randomSecretKey();
  },

  ecdsaPublicKey(curve, privateKey) {
    try {
      return CURVES[curve].getPublicKey(privateKey, false);
    } catch (error) {
      throw brokenPrivateKey(curve, error);
    }
  },

  ecdsaSign(curve, privateKey, data) {
    try {
      return CURVES[curve].sign(data, privateKey, SSH_ECDSA);
    } catch (error) {
      throw brokenPrivateKey(curve, error);
    }
  },

  ecdsaVerify(curve, point, data, signature) {
    if (!isUncompressedPoint(curve, point) || signature.length !== 2 * CURVE_LENGTHS[curve]) {
      return false;
    }
    try {
      return CURVES[curve].verify(signature, data, point, SSH_ECDSA);
    } catch {
      return false;
    }
  },
};

function sharedSecret(scalar: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  try {
    return x25519.getSharedSecret(scalar, peerPublicKey);
  } catch (error) {
    throw lowOrderPoint(error);
  }
}
