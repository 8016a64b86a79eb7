/** Private key files as signers: the secret part is read when the server has accepted the key, not before. */
import { open } from 'node:fs/promises';
import {
  catchError,
  concatMap,
  filter,
  firstValueFrom,
  from,
  type Observable,
  type ObservableInput,
  of,
  ReplaySubject,
  share,
  take,
  throwIfEmpty,
} from 'rxjs';
import { askForText } from '../auth/answers.ts';
import type { IdentitySource } from '../auth/client-options.ts';
import { errorCode, isSshError, SshError, toError } from '../errors.ts';
import { parsePrivateKey, parsePrivateKeyPublicPart } from '../keys/private-key-file.ts';
import type { PrivateKey } from '../keys/private-key.ts';
import { equalPublicKeys, parsePublicKeyLine, type PublicKey } from '../keys/public-key.ts';
import { isSecurityKeyType } from '../keys/security-keys.ts';
import { signatureAlgorithmsFor } from '../keys/signature-algorithms.ts';
import type { Signer } from '../keys/signer.ts';
import { abortable } from '../operators/abortable.ts';

/**
 * Asked for the passphrase of an encrypted key, three times at most while it is wrong; `undefined`, or nothing at all, gives up.
 * `attempt` counts from 1.
 */
export type PassphraseSource = (
  file: string,
  attempt: number,
) => string | undefined | ObservableInput<string | undefined>;

/** How a key file is read. */
export interface IdentityFileOptions {
  readonly passphrase?: string | PassphraseSource;
  /** A file that is not there is no identity, and no error either. */
  readonly optional?: boolean;
  /** Where the private half of a public key (`.pub`) is: an agent. */
  readonly agent?: IdentitySource;
}

/** Largest key file that is read, in bytes. */
const MAX_KEY_FILE = 1024 * 1024;
const READABLE_BY_OTHERS = 0o077;
/** How often somebody may mistype a passphrase, as with ssh. */
const MAX_ATTEMPTS = 3;

/**
 * The key in a file, as a source of identities. Errors with `key-format` when it is not a key that rxssh reads, with `config`
 * when it cannot be read, when others may read it too, or when it is a public key that the agent does not have.
 *
 * @param file - path of a private key; or of a public one, which ends in `.pub`, for the agent's key of that public half
 */
export function identityFile(file: string, options: IdentityFileOptions = {}): IdentitySource {
  const { agent, optional = false, passphrase } = options;
  return () =>
    from(readKeyFile(file, optional)).pipe(
      concatMap((text) => {
        if (text === undefined) return [];
        return isPublic(file) ? agentKey(text, file, agent) : signerOf(text, file, passphrase);
      }),
    );
}

function isPublic(file: string): boolean {
  return file.endsWith('.pub');
}

/** The agent's key of which this is the public half. */
function agentKey(
  text: Uint8Array,
  file: string,
  agent: IdentitySource | undefined,
): Observable<Signer> {
  if (agent === undefined) throw problem(file, 'is a public key: name the private one');
  const publicKey = publicKeyOf(text, file);
  return from(agent()).pipe(
    filter((signer) => equalPublicKeys(signer.publicKey, publicKey)),
    take(1),
    throwIfEmpty(() => problem(file, 'is a public key, of which the agent has no private one')),
  );
}

function publicKeyOf(text: Uint8Array, file: string): PublicKey {
  try {
    return parsePublicKeyLine(new TextDecoder().decode(text)).publicKey;
  } catch (error) {
    throw problem(file, `is no public key: ${toError(error).message}`, error);
  }
}

/** Most keys that a program uses have no passphrase: nobody is to be asked for nothing, and the server neither. */
function signerOf(
  text: Uint8Array,
  file: string,
  passphrase: string | PassphraseSource | undefined,
): Observable<Signer> {
  return from(parsePrivateKey(text, { source: file })).pipe(
    catchError((error: unknown) => {
      if (!isSshError(error, 'key-format')) throw error;
      if (error.detail.reason !== 'passphrase-needed')
        return of(securityKeySigner(text, file, error));
      return lockedSigner(text, file, unlocked(text, file, passphrase, error));
    }),
  );
}

/** The file of a security key says which one it is, so that an agent's is known by it (IdentitiesOnly); we have no device to sign. */
function securityKeySigner(text: Uint8Array, file: string, problem: SshError): Signer {
  const publicKey = publicPartOf(text, file);
  if (publicKey === undefined || !isSecurityKeyType(publicKey.type)) throw problem;
  return {
    publicKey,
    algorithms: signatureAlgorithmsFor(publicKey.type),
    source: file,
    sign: () => Promise.reject(problem),
  };
}

function publicPartOf(text: Uint8Array, file: string): PublicKey | undefined {
  try {
    return parsePrivateKeyPublicPart(text, file);
  } catch {
    return undefined;
  }
}

/** The key, once somebody has said its passphrase. */
function unlocked(
  text: Uint8Array,
  file: string,
  passphrase: string | PassphraseSource | undefined,
  problem: SshError<'key-format'>,
  attempt = 1,
): Observable<PrivateKey> {
  const isAsked = typeof passphrase === 'function';
  return askForText(() => (isAsked ? passphrase(file, attempt) : passphrase)).pipe(
    concatMap((answer) => {
      if (answer === undefined) throw problem;
      return parsePrivateKey(text, { source: file, passphrase: answer });
    }),
    catchError((error: unknown) => {
      const isWrong = isSshError(error, 'key-format') && error.detail.reason === 'wrong-passphrase';
      // whoever has given up behind a wrong one is not asked again
      if (!isWrong || error === problem || !isAsked || attempt === MAX_ATTEMPTS) throw error;
      return unlocked(text, file, passphrase, error, attempt + 1);
    }),
  );
}

/**
 * Asks for the passphrase when the server has accepted the key, not before. Encrypted PEM does not say which key it is: where its public
 * half is not beside it, it has to be opened first.
 */
function lockedSigner(
  text: Uint8Array,
  file: string,
  key$: Observable<PrivateKey>,
): Observable<Signer> {
  const publicKey = publicPartOf(text, file);
  if (publicKey !== undefined) return of(signerFor(publicKey, file, key$));
  return from(publicHalfBeside(file)).pipe(
    concatMap((half) => (half === undefined ? key$ : of(signerFor(half, file, key$)))),
  );
}

/** Opened once, for whoever waits for a signature; when nobody does any more, the question is taken back. */
function signerFor(publicKey: PublicKey, file: string, key$: Observable<PrivateKey>): Signer {
  const connector = (): ReplaySubject<PrivateKey> => new ReplaySubject(1);
  const opened$ = key$.pipe(share({ connector, resetOnComplete: false, resetOnError: false }));
  return {
    publicKey,
    algorithms: signatureAlgorithmsFor(publicKey.type),
    source: file,
    sign(data, algorithm, signal): Promise<Uint8Array> {
      const signature$ = opened$.pipe(
        concatMap((key) => {
          if (!equalPublicKeys(key.publicKey, publicKey))
            throw problem(file, `is not the private half of ${file}.pub`);
          return Promise.resolve(key.sign(data, algorithm));
        }),
      );
      return firstValueFrom(signal === undefined ? signature$ : abortable(signature$, signal));
    },
  };
}

/** As ssh-keygen writes it; what cannot be read as one is none. */
async function publicHalfBeside(file: string): Promise<PublicKey | undefined> {
  const half = `${file}.pub`;
  try {
    const text = await readKeyFile(half, true);
    return text && publicKeyOf(text, half);
  } catch {
    return undefined;
  }
}

async function readKeyFile(file: string, isOptional: boolean): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const stats = await handle.stat();
      const { mode, size } = stats;
      if (stats.isDirectory()) throw problem(file, 'is a folder');
      // OpenSSH's rule: a private key that others can read is not private
      const isWindows = process.platform === 'win32';
      if (!isPublic(file) && !isWindows && (mode & READABLE_BY_OTHERS) !== 0) {
        throw problem(file, 'is readable by others: its mode must be 0600');
      }
      if (size > MAX_KEY_FILE) throw problem(file, 'is longer than 1 MiB');
      return new Uint8Array(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isSshError(error)) throw error;
    if (isOptional && errorCode(error) === 'ENOENT') return undefined;
    throw problem(file, `cannot be read: ${toError(error).message}`, error);
  }
}

function problem(file: string, what: string, cause?: unknown): SshError<'config'> {
  return new SshError(
    'config',
    `key file ${file} ${what}`,
    { option: 'identityFiles', file },
    { cause },
  );
}
