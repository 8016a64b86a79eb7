/** Which options of a server are none: a limit that is no number would be no limit. */
import {
  AMOUNT,
  checkOptions,
  FUNCTION,
  KEEPALIVE_KINDS,
  needed,
  type OptionKinds,
  REKEY_KINDS,
  SOFTWARE,
  TEXTS,
} from '../auth/option-kinds.ts';
import type { ServerAuthOptions } from '../auth/server-options.ts';
import type { ForwardHandlers } from './forwarding.ts';
import type { ServeOptions } from './options.ts';

const OPTION_KINDS: OptionKinds<ServeOptions> = {
  authenticate: needed(FUNCTION),
  exec: FUNCTION,
  shell: FUNCTION,
  acceptEnv: TEXTS,
  maxModulusBits: AMOUNT,
  maxSessions: AMOUNT,
  maxChannels: AMOUNT,
  handshakeTimeout: AMOUNT,
  rekeyTimeout: AMOUNT,
  idleTimeout: AMOUNT,
  unusedTimeout: AMOUNT,
  drainTimeout: AMOUNT,
  outputGrace: AMOUNT,
  software: SOFTWARE,
};
const AUTHENTICATION_KINDS: OptionKinds<ServerAuthOptions> = {
  methods: TEXTS,
  algorithms: TEXTS,
  minimumRsaBits: AMOUNT,
  loginGraceTime: AMOUNT,
  maxFailures: AMOUNT,
  maxRequests: AMOUNT,
  failureDelay: AMOUNT,
};
const FORWARD_KINDS: OptionKinds<ForwardHandlers> = {
  dial: FUNCTION,
  listen: FUNCTION,
  answerTimeout: AMOUNT,
  maxListeners: AMOUNT,
  maxForwarded: AMOUNT,
};

/** Throws `config` for an option that is missing, or of another kind than it should be. */
export function checkServeOptions(options: ServeOptions): void {
  const { authentication = {}, keepalive = {}, rekey = {}, forward = {} } = options;
  const { channelTimeouts = {} } = options;
  checkOptions(options, OPTION_KINDS);
  checkOptions(authentication, AUTHENTICATION_KINDS, 'authentication');
  checkOptions(keepalive, KEEPALIVE_KINDS, 'keepalive');
  checkOptions(rekey, REKEY_KINDS, 'rekey');
  checkOptions(forward, FORWARD_KINDS, 'forward');
  const types = Object.keys(channelTimeouts).map((type) => [type, AMOUNT] as const);
  checkOptions(channelTimeouts, Object.fromEntries(types), 'channelTimeouts');
}
