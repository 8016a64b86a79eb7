/**
 * `rxssh/keys`: keys, signatures and the files that hold them, without a connection.
 *
 * @packageDocumentation
 */
export type {
  CryptoProvider,
  CurveName,
  DsaPrivateNumbers,
  DsaPublicNumbers,
  HashName,
  RsaPrivateNumbers,
  RsaPublicNumbers,
  SignatureHash,
} from '../crypto/provider.ts';
export type { Row, Standing } from '../crypto/standing.ts';
export { isAddressPattern, matchesAddress } from './address-patterns.ts';
export type { AuthorizedKeyOptions } from './authorized-key-options.ts';
export {
  type AuthorizedKey,
  type AuthorizedKeys,
  type AuthorizedKeysProblem,
  parseAuthorizedKeys,
} from './authorized-keys.ts';
export { bcryptPbkdf, type BcryptPbkdfOptions, MAX_BCRYPT_ROUNDS } from './bcrypt-pbkdf.ts';
export { fingerprint, md5Fingerprint } from './fingerprint.ts';
export type { HostPatterns } from './host-patterns.ts';
export { type EditedKnownHosts, hashKnownHosts, removeKnownHost } from './known-hosts-edit.ts';
export type { KnownHostsEntry, KnownHostsMarker, KnownHostsProblem } from './known-hosts-lines.ts';
export {
  formatKnownHostsLine,
  type FormatKnownHostsOptions,
  type HostVerdict,
  joinKnownHosts,
  KnownHosts,
  type KnownHostsName,
  type KnownHostsVerdict,
  parseKnownHosts,
} from './known-hosts.ts';
export { formatPrivateKey, type FormatPrivateKeyOptions } from './openssh-private-key.ts';
export type { Permissions } from './permissions.ts';
export {
  type GenerateOptions,
  generateDsaKey,
  generatePrivateKey,
  generateRsaKey,
  type GenerateRsaOptions,
  PrivateKey,
  privateKeyFromSeed,
  type PrivateKeyMaterial,
  type PrivateKeyOptions,
} from './private-key.ts';
export {
  parsePrivateKey,
  type ParsePrivateKeyOptions,
  parsePrivateKeyPublicPart,
} from './private-key-file.ts';
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
export { type SecurityKeyState, securityKeyState } from './security-keys.ts';
export {
  encodeSignature,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  signatureAlgorithmsFor,
  verifySignature,
} from './signature-algorithms.ts';
export type { Signer } from './signer.ts';
export { matchesWildcard } from './wildcards.ts';
