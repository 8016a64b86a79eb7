/** Which keys are tried: key files, the agent, and what IdentitiesOnly and PubkeyAcceptedAlgorithms leave of them. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  from,
  map,
  type Observable,
  ReplaySubject,
  share,
  switchMap,
  toArray,
} from 'rxjs';
import {
  agentIdentities,
  agentSocket,
  identityFile,
  type IdentitySource,
  type PassphraseSource,
} from '../node.ts';
import { equalPublicKeys, type Signer } from '../keys/index.ts';
import { algorithmList } from './algorithm-lists.ts';
import type { CliIo } from './io.ts';
import type { Settings } from './settings.ts';
import { nobody } from './terminal.ts';
import { path, yesNo } from './values.ts';

/** Keys of one source: a file has one. */
const MAX_REMEMBERED = 64;
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Sources of keys, in the order in which they are tried: the files that were named, the agent, the usual files. */
export function identitySources(settings: Settings, io: CliIo): readonly IdentitySource[] {
  const named = settings
    .all('IdentityFile')
    .filter((file) => file.toLowerCase() !== 'none')
    .map((file) => path('IdentityFile', file));
  const usual = settings.all('IdentityFile').length > 0 ? [] : usualFiles();
  const passphrase = passphrases(io);
  const isNamed = (file: string): boolean => named.includes(file);
  const files = [...named, ...usual].map((file) =>
    remembered(identityFile(file, { passphrase, optional: !isNamed(file) })),
  );
  const agent = agentSource(settings, io);
  const only = settings.first('IdentitiesOnly', yesNo) ?? false;
  const accepted = acceptedAlgorithms(settings);
  return inOrder(files, named.length, agent, only).map((source) => restricted(source, accepted));
}

function inOrder(
  files: readonly IdentitySource[],
  named: number,
  agent: IdentitySource | undefined,
  only: boolean,
): readonly IdentitySource[] {
  if (agent === undefined) return files;
  if (only) return [matching(agent, files), ...files];
  return [...files.slice(0, named), agent, ...files.slice(named)];
}

function usualFiles(): readonly string[] {
  return DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name));
}

function agentSource(settings: Settings, { env }: CliIo): IdentitySource | undefined {
  const set = settings.first('IdentityAgent', (_, value) => value);
  if (set?.toLowerCase() === 'none') return undefined;
  const name = set === undefined || set === 'SSH_AUTH_SOCK' ? '$SSH_AUTH_SOCK' : set;
  const socket = name.startsWith('$') ? env[name.slice(1)] : path('IdentityAgent', name);
  if (socket === undefined || socket === '') return undefined;
  return () => agentIdentities(agentSocket(socket));
}

/** A passphrase is asked for once, and a key opened once, however many hosts it is for. */
function remembered(source: IdentitySource): IdentitySource {
  const signers$ = defer(() => from(source())).pipe(
    share({
      connector: () => new ReplaySubject<Signer>(MAX_REMEMBERED),
      resetOnComplete: false,
      resetOnRefCountZero: false,
    }),
  );
  return () => signers$;
}

/** Keys of the agent that are those of the files: so a file's passphrase need not be typed. */
function matching(agent: IdentitySource, files: readonly IdentitySource[]): IdentitySource {
  return () =>
    // a file that cannot be read tells so itself, in its turn
    concat(...files.map((file) => defer(() => from(file())).pipe(catchError(() => EMPTY)))).pipe(
      toArray(),
      switchMap((own) =>
        from(agent()).pipe(
          filter((signer) => own.some((key) => equalPublicKeys(key.publicKey, signer.publicKey))),
        ),
      ),
    );
}

function acceptedAlgorithms(settings: Settings): readonly string[] | undefined {
  return settings.first('PubkeyAcceptedAlgorithms', (key, value) =>
    algorithmList(key, value, 'hostKey'),
  );
}

function restricted(
  source: IdentitySource,
  accepted: readonly string[] | undefined,
): IdentitySource {
  if (accepted === undefined) return source;
  return (): Observable<Signer> =>
    from(source()).pipe(
      map((signer) => ({
        publicKey: signer.publicKey,
        algorithms: accepted.filter((name) => signer.algorithms.includes(name)),
        ...(signer.comment === undefined ? {} : { comment: signer.comment }),
        ...(signer.source === undefined ? {} : { source: signer.source }),
        sign: (data, algorithm, signal) => signer.sign(data, algorithm, signal),
      })),
    );
}

/** RXSSH_PASSPHRASE, or whoever is at the terminal. */
export function passphrases({ env, terminal = nobody }: CliIo): PassphraseSource {
  return (file) => {
    const known = env['RXSSH_PASSPHRASE'];
    return known ?? terminal.ask(`Enter passphrase for key '${file}': `, { isSecret: true });
  };
}
