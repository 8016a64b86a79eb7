/** What sshd_config's keys make of commands and forwarding. */
import { describe, expect, it } from '@jest/globals';
import { forwarding } from '../../src/cli/serve-forward.ts';
import { commands } from '../../src/cli/serve-options.ts';
import { SERVER_KEYS } from '../../src/cli/server-keys.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { UsageError } from '../../src/cli/usage.ts';
import { hasTerminals } from '../../src/server/native-pty-node.ts';

const settings = (...options: readonly string[]): ReturnType<typeof readSettings> =>
  readSettings(options, SERVER_KEYS);

describe('The agent of a client', () => {
  it.each([
    [[], false],
    [['AllowAgentForwarding=yes'], true],
    [['AllowAgentForwarding=no'], false],
    [['AllowAgentForwarding=yes', 'DisableForwarding=no'], true],
    [['AllowAgentForwarding=yes', 'DisableForwarding=yes'], false],
  ])('is led on with %j: %j', (options, expected) => {
    expect(commands({ allowExec: true }, settings(...options)).agent).toBe(expected);
  });
});

describe('A terminal', () => {
  it('is there where this machine has them', () => {
    expect(commands({ allowExec: true }, settings()).pty).toBe(hasTerminals());
    expect(commands({ allowExec: true }, settings('PermitTTY=yes')).pty).toBe(hasTerminals());
  });

  it('is refused with PermitTTY=no', () => {
    expect(commands({ allowExec: true }, settings('PermitTTY=no')).pty).toBe(false);
  });
});

describe('Forwarding', () => {
  it.each([
    ['AllowTcpForwarding=yes', ['dial', 'listen']],
    ['DisableForwarding=yes', []],
  ])('with %s has %j', (option, expected) => {
    const { forward = {} } = forwarding({ allowForward: true }, settings(option));
    expect(Object.keys(forward)).toEqual(expected);
  });
});

describe('A value that no flag uses', () => {
  it.each([
    ...['AllowAgentForwarding=banana', 'DisableForwarding=banana', 'AllowTcpForwarding=banana'],
    ...['AllowStreamLocalForwarding=banana', 'GatewayPorts=banana', 'PermitOpen=a:b:c'],
    ...['PermitListen="', 'AcceptEnv="', 'PermitTTY=banana'],
  ])('is told all the same: %s', (option) => {
    const alone = settings(option);
    expect(() => [commands({}, alone), forwarding({}, alone)]).toThrow(UsageError);
  });

  it.each(['PermitOpen=a:b:c', 'AllowTcpForwarding=banana', 'AllowAgentForwarding=banana'])(
    'is told beside DisableForwarding=yes: %s',
    (option) => {
      const both = settings('DisableForwarding=yes', option);
      expect(() => [commands({}, both), forwarding({}, both)]).toThrow(UsageError);
    },
  );
});
