/** What `serve --allow-forward` lets clients have, and what sshd_config's keys take away from it. */
import { type Endpoint, type ForwardHandlers, nodeDial, nodeListen } from '../node.ts';
import { permitOf } from './permits.ts';
import { forcedCommand } from './serve-options.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { oneOf, yesNo } from './values.ts';

const ALLOW = ['yes', 'all', 'no', 'local', 'remote'] as const;
const GATEWAY = ['yes', 'no', 'clientspecified'] as const;

/** Which way round: `local` has the server connect, `remote` has it listen. */
type Way = 'local' | 'remote';

/** The handlers of `--allow-forward`; none when everything is taken away. The values are read in any case: a wrong one is told. */
export function forwarding(
  { allowForward = false }: { readonly allowForward?: boolean },
  settings: Settings,
): { readonly forward?: ForwardHandlers } {
  const handlers = forwardHandlers(settings);
  if (!allowForward) return {};
  if (forcedCommand(settings) !== undefined)
    throw new UsageError('--allow-forward and ForceCommand exclude each other');
  return { forward: settings.first('DisableForwarding', yesNo) === true ? {} : handlers };
}

function forwardHandlers(settings: Settings): ForwardHandlers {
  const permitOpen = permitOf('PermitOpen', settings);
  const permitListen = permitOf('PermitListen', settings);
  const isAllowed = allowed(settings);
  const gatewayPorts =
    settings.first('GatewayPorts', (key, value) => oneOf(key, value, GATEWAY)) ?? 'no';
  return {
    dial: nodeDial({ permit: (to) => isAllowed('local', to) && permitOpen(to) }),
    listen: nodeListen({
      permit: (at) => isAllowed('remote', at) && permitListen(at),
      gatewayPorts,
    }),
  };
}

function allowed(settings: Settings): (way: Way, endpoint: Endpoint) => boolean {
  const ways = (key: string): string =>
    settings.first(key, (_, value) => oneOf(key, value, ALLOW)) ?? 'yes';
  const tcp = ways('AllowTcpForwarding');
  const unix = ways('AllowStreamLocalForwarding');
  return (way, endpoint) => ['yes', 'all', way].includes('port' in endpoint ? tcp : unix);
}
