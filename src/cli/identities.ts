/** Which keys are tried: key files, the agent, and what IdentitiesOnly and PubkeyAcceptedAlgorithms leave of them. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defer, from, ReplaySubject, share } from 'rxjs';
import {
  agentIdentities,
  agentSocket,
  identityFile,
  type IdentitySource,
  orderIdentities,
  type PassphraseSource,
} from '../node.ts';
import type { Signer } from '../keys/index.ts';
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
  const agent = agentSource(settings, io);
  const held = agent === undefined ? {} : { agent };
  const sourceOf = (file: string, optional: boolean): IdentitySource =>
    remembered(identityFile(file, { passphrase, optional, ...held }));
  return orderIdentities({
    named: named.map((file) => sourceOf(file, false)),
    usual: usual.map((file) => sourceOf(file, true)),
    identitiesOnly: settings.first('IdentitiesOnly', yesNo) ?? false,
    ...held,
  });
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

/** What keys may sign with, where it was set. */
export function signatureAlgorithms(settings: Settings): {
  readonly signatureAlgorithms?: readonly string[];
} {
  const named = settings.first('PubkeyAcceptedAlgorithms', (key, value) =>
    algorithmList(key, value, 'hostKey'),
  );
  return named === undefined ? {} : { signatureAlgorithms: named };
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

/** RXSSH_PASSPHRASE at first, then whoever is at the terminal. */
export function passphrases({ env, terminal = nobody }: CliIo): PassphraseSource {
  return (file, attempt) => {
    const known = attempt === 1 ? env['RXSSH_PASSPHRASE'] : undefined;
    return known ?? terminal.ask(`Enter passphrase for key '${file}': `, { isSecret: true });
  };
}
