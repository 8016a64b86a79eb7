/** Which options to log in with are none. */
import type { ClientAuthOptions, HostbasedIdentity } from './client-options.ts';
import {
  checkOptions,
  FUNCTION,
  needed,
  NUMBER,
  type OptionKinds,
  SOURCES_OF_KEYS,
  TEXT,
  TEXT_OR_FUNCTION,
  TEXTS,
} from './option-kinds.ts';

const OPTION_KINDS: OptionKinds<ClientAuthOptions> = {
  user: needed(TEXT),
  methods: TEXTS,
  identities: SOURCES_OF_KEYS,
  signatureAlgorithms: TEXTS,
  password: TEXT_OR_FUNCTION,
  passwordTries: NUMBER,
  changePassword: FUNCTION,
  keyboardInteractive: FUNCTION,
};
const HOSTBASED_KINDS: OptionKinds<HostbasedIdentity> = {
  hostKeys: needed(SOURCES_OF_KEYS),
  clientHost: needed(TEXT),
  localUser: needed(TEXT),
};

/** Throws `config` for an option that is missing, or of another kind than it should be. */
export function checkClientAuth(options: ClientAuthOptions): void {
  checkOptions(options, OPTION_KINDS);
  if (options.hostbased !== undefined)
    checkOptions(options.hostbased, HOSTBASED_KINDS, 'hostbased');
}
