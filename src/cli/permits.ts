/** Where forwarding may lead: PermitOpen and PermitListen of sshd_config, PermitRemoteOpen of ssh_config. */
import { type EndpointPermit, permitEndpoints } from '../node.ts';
import type { Settings } from './settings.ts';
import { bad, words } from './values.ts';

/**
 * What a key permits: `any`, as without it, `none`, or `HOST:PORT` and, for listening, `PORT`; unix sockets are the business of another key.
 * Throws a `UsageError` that names the key.
 */
export function permitOf(key: string, settings: Settings): EndpointPermit {
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
