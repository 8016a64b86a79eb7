/** `rxssh/keys`: keys, signatures and the files that hold them, without a connection. */
export { fingerprint } from './fingerprint.ts';
export {
  formatPrivateKey,
  type FormatPrivateKeyOptions,
  parsePrivateKey,
  type ParsePrivateKeyOptions,
  parsePrivateKeyPublicPart,
} from './openssh-private-key.ts';
export {
  type GenerateOptions,
  generatePrivateKey,
  PrivateKey,
  privateKeyFromSeed,
  type PrivateKeyMaterial,
  type PrivateKeyOptions,
} from './private-key.ts';
export {
  equalPublicKeys,
  formatPublicKeyLine,
  hasMinimumRsaBits,
  MINIMUM_RSA_BITS,
  parsePublicKey,
  parsePublicKeyLine,
  type PublicKey,
  type PublicKeyLine,
  type PublicKeyMaterial,
  rsaBits,
} from './public-key.ts';
export {
  encodeSignature,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  signatureAlgorithmsFor,
  verifySignature,
} from './signature-algorithms.ts';
export type { Signer } from './signer.ts';
