/** Which agreements somebody in between can cut messages off (CVE-2023-48795). */
import { describe, expect, it } from '@jest/globals';
import { isOpenToTerrapin } from '../../src/transport/negotiation.ts';

const ETM = 'hmac-sha2-256-etm@openssh.com';
const SAFE = { cipher: 'aes256-ctr', mac: ETM, compression: 'none' };

describe('without strict key exchange', () => {
  it.each([
    ['aes256-cbc', ETM, true],
    ['3des-cbc', 'umac-64-etm@openssh.com', true],
    ['blowfish-cbc', 'hmac-sha1-96-etm@openssh.com', true],
    ['rijndael-cbc@lysator.liu.se', ETM, true],
    ['chacha20-poly1305@openssh.com', '', true],
    ['aes256-cbc', 'hmac-sha2-256', false],
    ['blowfish-ctr', ETM, false],
    ['aes256-gcm@openssh.com', '', false],
  ])('T17: %s with %s is open to Terrapin: %s', (cipher, mac, isOpen) => {
    const weak = { cipher, mac, compression: 'none' };
    const names = { kex: 'curve25519-sha256', hostKey: 'ssh-ed25519' };
    const either = [
      { ...names, clientToServer: weak, serverToClient: SAFE },
      { ...names, clientToServer: SAFE, serverToClient: weak },
    ];
    for (const algorithms of either) {
      expect(isOpenToTerrapin(algorithms, false)).toBe(isOpen);
      expect(isOpenToTerrapin(algorithms, true)).toBe(false);
    }
  });
});
