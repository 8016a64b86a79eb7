/** Which options of a connection are none: a time that is no number would be no limit, or no time at all. */
import {
  AMOUNT,
  checkOptions,
  FUNCTION,
  KEEPALIVE_KINDS,
  type OptionKinds,
  REKEY_KINDS,
  SOFTWARE,
} from '../auth/option-kinds.ts';
import type { ClientOptions, ViaOptions } from './connect.ts';

const OPTION_KINDS: OptionKinds<ClientOptions & ViaOptions> = {
  connectTimeout: AMOUNT,
  handshakeTimeout: AMOUNT,
  rekeyTimeout: AMOUNT,
  loginTimeout: AMOUNT,
  software: SOFTWARE,
  trace: FUNCTION,
};

/** Throws `config` for an option that is of another kind than it should be. How to log in is looked at elsewhere. */
export function checkClientOptions(options: ClientOptions): void {
  const { keepalive = {}, rekey = {} } = options;
  checkOptions(options, OPTION_KINDS);
  checkOptions(keepalive, KEEPALIVE_KINDS, 'keepalive');
  checkOptions(rekey, REKEY_KINDS, 'rekey');
}
