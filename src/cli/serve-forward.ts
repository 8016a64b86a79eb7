/** What `serve --allow-forward` lets clients have, and what sshd_config's keys take away from it. */
import {
  type Endpoint,
  type ForwardHandlers,
  nodeDial,
  nodeListen,
  permitEndpoints,
} from '../node.ts';
import { forcedCommand } from './serve-options.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { bad, oneOf, words, yesNo } from './values.ts';

const ALLOW = ['yes', 'all', 'no', 'local', 'remote'] as const;
const GATEWAY = ['yes', 'no', 'clientspecified'] as const;

/** Which way round: `local` has the server connect, `remote` has it listen. */
type Way = 'local' | 'remote';

type Permit = (endpoint: Endpoint) => boolean;

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
  const gateway = settings.first('GatewayPorts', (key, value) => oneOf(key, value, GATEWAY));
  return {
    dial: nodeDial({ permit: (to) => isAllowed('local', to) && permitOpen(to) }),
    listen: nodeListen({
      permit: (at) => isAllowed('remote', at) && permitListen(at),
      gatewayPorts: gateway === undefined || gateway === 'no' ? 'no' : 'clientspecified',
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

/** `any`, `none`, or `HOST:PORT` and, for listening, `PORT`; unix sockets are the business of another key. */
function permitOf(key: string, settings: Settings): Permit {
  const values = settings.first(key, (_, value) => words(key, value)) ?? ['any'];
  const [only = 'any'] = values;
  if (values.length === 1 && only.toLowerCase() === 'any') return () => true;
  if (values.length === 1 && only.toLowerCase() === 'none') return (to) => 'socketPath' in to;
  const patterns = values.map((value) => (value.includes(':') ? value : `*:${value}`));
  try {
    const permit = permitEndpoints(...patterns);
    return (endpoint) => 'socketPath' in endpoint || permit(endpoint);
  } catch {
    throw bad(key, values.join(' '), 'HOST:PORT, where each may be *');
  }
}
