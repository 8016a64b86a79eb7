/** Which options of a connection are none: a time that is no number would be no limit, or no time at all. */
import { isObservable } from 'rxjs';
import {
  AMOUNT,
  checkOptions,
  FUNCTION,
  KEEPALIVE_KINDS,
  needed,
  type OptionKind,
  type OptionKinds,
  REKEY_KINDS,
  SOFTWARE,
} from '../auth/option-kinds.ts';
import type { ConnectionOptions } from '../channels/connection-options.ts';
import type { ClientOptions, ViaOptions } from './connect.ts';
import { checkHostKeyPolicy, type KnownHostsStore } from './host-verification.ts';

const CLIENTS: OptionKind = { name: 'an Observable of clients', fits: isObservable };
const DUPLEX: OptionKind = {
  name: 'a duplex, or an Observable of one',
  fits: (value) =>
    isObservable(value) || (typeof value === 'object' && value !== null && 'readable$' in value),
};

const OPTION_KINDS: OptionKinds<ClientOptions & ViaOptions & { readonly duplex: unknown }> = {
  via: CLIENTS,
  duplex: DUPLEX,
  connectTimeout: AMOUNT,
  handshakeTimeout: AMOUNT,
  rekeyTimeout: AMOUNT,
  loginTimeout: AMOUNT,
  software: SOFTWARE,
  trace: FUNCTION,
  banner: FUNCTION,
};

const STORE_KINDS: OptionKinds<KnownHostsStore> = { load: needed(FUNCTION), add: needed(FUNCTION) };
const CONNECTION_KINDS: OptionKinds<ConnectionOptions> = {
  maxChannels: AMOUNT,
  openTimeout: AMOUNT,
};

/** Throws `config` for an option that is of another kind than it should be. How to log in is looked at elsewhere. */
export function checkClientOptions(options: ClientOptions): void {
  const { keepalive = {}, rekey = {}, connection = {}, knownHosts, hostKeys } = options;
  checkOptions(options, OPTION_KINDS);
  checkOptions(keepalive, KEEPALIVE_KINDS, 'keepalive');
  checkOptions(rekey, REKEY_KINDS, 'rekey');
  checkOptions(connection, CONNECTION_KINDS, 'connection');
  if (knownHosts !== undefined) checkOptions(knownHosts, STORE_KINDS, 'knownHosts');
  if (hostKeys !== undefined) checkHostKeyPolicy(hostKeys);
}
