/** The secret part of a key as it stands in OpenSSH's key files, and in requests to an agent (draft-ietf-sshm-ssh-agent §3.2). */
import { CURVE_LENGTHS } from '../crypto/checks.ts';
import { DSA_BITS } from '../crypto/dsa.ts';
import { bytesToInteger } from '../crypto/integers.ts';
import type { CurveName } from '../crypto/provider.ts';
import { MAX_RSA_BITS } from '../crypto/rsa.ts';
import { escapeText } from '../errors.ts';
import { concatBytes, equalBytes } from '../wire/bytes.ts';
import type { Reader } from '../wire/reader.ts';
import { unsignedToMpint, Writer } from '../wire/writer.ts';
import { keyFormatError, leftPad, readMagnitude } from './key-format.ts';
import type { PrivateKey, PrivateKeyMaterial } from './private-key.ts';
import { isSecurityKeyType } from './security-keys.ts';

/** A secret part, and the blob of the public key that was written beside it. */
export interface PrivateFields {
  readonly material: PrivateKeyMaterial;
  readonly publicKey: Uint8Array;
}

const SEED_LENGTH = 32;

/**
 * Reads the name of the type and the fields of the key. Nothing is computed: whether public and secret part belong together is
 * for the caller to check.
 *
 * Throws the reader's `protocol` error, or a `key-format` error with the reason `unsupported`.
 */
export function readPrivateMaterial(reader: Reader): PrivateFields {
  const type = reader.ascii();
  switch (type) {
    case 'ssh-ed25519':
      return readEd25519(reader);
    case 'ecdsa-sha2-nistp256':
      return readEcdsa(reader, 'nistp256');
    case 'ecdsa-sha2-nistp384':
      return readEcdsa(reader, 'nistp384');
    case 'ecdsa-sha2-nistp521':
      return readEcdsa(reader, 'nistp521');
    case 'ssh-rsa':
      return readRsa(reader);
    case 'ssh-dss':
      return readDsa(reader);
    default: {
      const shown = escapeText(type, 64);
      const why = isSecurityKeyType(type)
        ? `${shown} is in a security key: an agent can sign with it`
        : `type ${shown} is not supported`;
      throw keyFormatError('unsupported', `private key: ${why}`);
    }
  }
}

/** Writes what `readPrivateMaterial` reads. */
export function writePrivateMaterial(writer: Writer, key: PrivateKey): void {
  const material = key.secret();
  switch (material.kind) {
    case 'ed25519': {
      const publicKey = key.publicKey.blob.slice(-SEED_LENGTH);
      writer
        .utf8('ssh-ed25519')
        .string(publicKey)
        .string(concatBytes([material.seed, publicKey]));
      return;
    }
    case 'ecdsa':
      // Type, curve and point: just what the public key is.
      writer.raw(key.publicKey.blob).string(unsignedToMpint(material.scalar));
      return;
    case 'dsa':
      // the fields of the public key, and x
      writer.raw(key.publicKey.blob).mpint(material.x);
      return;
    case 'rsa': {
      const { n, e, d, iqmp, p, q } = material;
      writer.utf8('ssh-rsa');
      for (const number of [n, e, d, iqmp, p, q]) writer.mpint(number);
    }
  }
}

function readEd25519(reader: Reader): PrivateFields {
  const publicKey = reader.string();
  const both = reader.string();
  if (publicKey.length !== SEED_LENGTH || both.length !== 2 * SEED_LENGTH)
    throw reader.error('Ed25519 key of the wrong length');
  if (!equalBytes(both.subarray(SEED_LENGTH), publicKey))
    throw reader.error('Ed25519 key with two public parts that differ');
  return {
    material: { kind: 'ed25519', seed: new Uint8Array(both.subarray(0, SEED_LENGTH)) },
    publicKey: new Writer().utf8('ssh-ed25519').string(publicKey).bytes(),
  };
}

function readEcdsa(reader: Reader, curve: CurveName): PrivateFields {
  const named = reader.ascii();
  const point = reader.string();
  const length = CURVE_LENGTHS[curve];
  const scalar = leftPad(readMagnitude(reader, length, 'ECDSA scalar'), length);
  return {
    material: { kind: 'ecdsa', curve, scalar },
    publicKey: new Writer().utf8(`ecdsa-sha2-${curve}`).utf8(named).string(point).bytes(),
  };
}

function readDsa(reader: Reader): PrivateFields {
  const number = (name: string): bigint =>
    bytesToInteger(readMagnitude(reader, DSA_BITS / 8, `DSA ${name}`));
  const [p, q, g, y, x] = ['p', 'q', 'g', 'y', 'x'].map(number) as [
    ...[bigint, bigint, bigint, bigint, bigint],
  ];
  return {
    material: { kind: 'dsa', p, q, g, y, x },
    publicKey: new Writer().utf8('ssh-dss').mpint(p).mpint(q).mpint(g).mpint(y).bytes(),
  };
}

function readRsa(reader: Reader): PrivateFields {
  const number = (name: string): bigint =>
    bytesToInteger(readMagnitude(reader, MAX_RSA_BITS / 8, `RSA ${name}`));
  const n = number('modulus');
  const e = number('exponent');
  const d = number('private exponent');
  const iqmp = number('coefficient');
  const p = number('prime p');
  const q = number('prime q');
  return {
    material: { kind: 'rsa', n, e, d, p, q, iqmp },
    publicKey: new Writer().utf8('ssh-rsa').mpint(e).mpint(n).bytes(),
  };
}
