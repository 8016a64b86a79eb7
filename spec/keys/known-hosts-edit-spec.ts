import { describe, expect, it } from '@jest/globals';
import { parseKnownHosts } from '../../src/keys/known-hosts.ts';
import { hashKnownHosts } from '../../src/keys/known-hosts-edit.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';

describe('hashKnownHosts', () => {
  // a name that is not found again is one of an unknown host, and whoever accepts those would accept another key
  it.each(['db1', 'DB1', 'Änne.example', 'İzmir', '[db1]:2222'])(
    'leaves %s known, whatever its letters',
    (host) => {
      const { publicKey } = generatePrivateKey('ed25519');
      const { text, lines } = hashKnownHosts(`x,${host} ${formatPublicKeyLine(publicKey)}\n`);
      const [, name = '', port = '22'] = /^\[?([^\]]+)(?:\]:(\d+))?$/.exec(host) ?? [];
      const { verdict } = parseKnownHosts(text, '').check(
        { host: name, port: Number(port) },
        publicKey,
      );
      expect([lines, verdict]).toEqual([[1], 'known']);
      expect(text).not.toContain(host);
    },
  );
});
