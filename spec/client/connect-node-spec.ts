/** Options of `connect` on Node, of who writes without types. */
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { connect, type ConnectOptions } from '../../src/client/connect-node.ts';

describe('connect', () => {
  it.each<readonly [object, string, string]>([
    [{}, 'host', 'is missing: a text'],
    [{ host: 'db1', user: 5 }, 'user', 'is not a text'],
    [{ host: 'db1', agent: {} }, 'agent', 'is not a path or false'],
    [{ host: 'db1', identityFiles: 'key' }, 'identityFiles', 'is not a list of texts'],
    [{ host: 'db1', passphrase: 5 }, 'passphrase', 'is not a text or a function'],
    [{ host: 'db1', knownHostsFiles: 'known' }, 'knownHostsFiles', 'is not a list of texts'],
  ])('errors with config, and dials nobody, for %j', async (options, option, problem) => {
    await expect(lastValueFrom(connect(options as ConnectOptions))).rejects.toMatchObject({
      ...{ kind: 'config', message: `${option} ${problem}`, detail: { option } },
    });
  });
});
