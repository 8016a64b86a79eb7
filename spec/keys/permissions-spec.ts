/** What several factors allow together (AS6): never more than any of them. */
import { describe, expect, it } from '@jest/globals';
import {
  arePermissions,
  explicitPermissions,
  intersectPermissions,
  type Permissions,
} from '../../src/keys/permissions.ts';

function both(a: Permissions, b: Permissions): Permissions | undefined {
  return intersectPermissions(explicitPermissions(a), explicitPermissions(b));
}

describe('permissions', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'no-pty'],
    ['a list', []],
    ['a Map', new Map([['pty', false]])],
    [
      'an instance',
      new (class Rights {
        readonly pty = false;
      })(),
    ],
    ['a name that is not known', { nopty: true }],
    ['a flag that is none', { pty: 'no' }],
    ['a number for a flag', { portForwarding: 0 }],
    ['an empty command', { command: '' }],
    ['a command with NUL', { command: 'a\0b' }],
    ['null for a command', { command: null }],
    ['a text for a list', { permitOpen: 'db:5432' }],
    ['a list with what is no pattern', { permitOpen: ['db'] }],
    ['a variable with a bad name', { environment: { 'A=B': 'c' } }],
    ['a variable with NUL', { environment: { A: 'b\0' } }],
  ])('are not %s', (_what, value) => {
    expect(arePermissions(value)).toBe(false);
  });

  it.each<[Permissions]>([
    [{}],
    [{ command: 'date', environment: { A: 'b', _C: '' }, pty: false, userRc: true }],
    [{ permitOpen: [], permitListen: ['*:8080', 'localhost:*', '/run/app.sock'] }],
    [{ portForwarding: false, agentForwarding: false, x11Forwarding: false }],
  ])('are %j', (value) => {
    expect(arePermissions(value)).toBe(true);
  });

  it.each<[string, Permissions, Permissions]>([
    ['nothing is not restricted', {}, {}],
    [
      'C17: a forced command takes all forwarding away',
      { command: 'x' },
      { command: 'x', portForwarding: false, agentForwarding: false, x11Forwarding: false },
    ],
    [
      'but what is given by name',
      { command: 'x', portForwarding: true, agentForwarding: true },
      { command: 'x', portForwarding: true, agentForwarding: true, x11Forwarding: false },
    ],
    [
      'where a list is a name for what is on it',
      { command: 'x', permitOpen: ['db:5432'] },
      {
        ...{ command: 'x', portForwarding: true, agentForwarding: false, x11Forwarding: false },
        ...{ permitOpen: ['db:5432'], permitListen: [] },
      },
    ],
    [
      'and does not give back what was taken',
      { command: 'x', permitOpen: ['db:5432'], portForwarding: false, agentForwarding: true },
      {
        ...{ command: 'x', portForwarding: false, agentForwarding: true, x11Forwarding: false },
        permitOpen: ['db:5432'],
      },
    ],
  ])('%s', (_what, given, expected) => {
    expect(explicitPermissions(given)).toEqual(expected);
  });

  it('do not lose a restriction to a field that is there and undefined', () => {
    const given = { pty: undefined, permitOpen: undefined } as unknown as Permissions;
    expect(both(given, { pty: false, permitOpen: [] })).toEqual({ pty: false, permitOpen: [] });
  });

  it.each<[string, Permissions, Permissions, Permissions | undefined]>([
    ['nothing and nothing', {}, {}, {}],
    ['a flag that either takes away', { pty: false }, { pty: true }, { pty: false }],
    ['a flag that is given, and taken away', { pty: true }, { pty: false }, { pty: false }],
    ['a flag that the other takes away', {}, { userRc: false }, { userRc: false }],
    [
      'a command of the first (AS6)',
      { command: 'x' },
      { portForwarding: true },
      { command: 'x', portForwarding: false, agentForwarding: false, x11Forwarding: false },
    ],
    [
      'a command of the second (AS6)',
      {},
      { command: 'x' },
      { command: 'x', portForwarding: false, agentForwarding: false, x11Forwarding: false },
    ],
    ['two commands', { command: 'x' }, { command: 'y' }, undefined],
    [
      'variables',
      { environment: { A: '1', B: '1' } },
      { environment: { B: '2', C: '2' } },
      { environment: { A: '1', B: '1', C: '2' } },
    ],
    ['a list and none', { permitOpen: ['a:1'] }, {}, { permitOpen: ['a:1'] }],
    [
      'lists',
      { permitOpen: ['*:80', 'db:*', 'x:1', '/a', '[::1]:*'] },
      { permitOpen: ['DB:80', 'db:5432', '/b', '/a', '*:22'] },
      { permitOpen: ['db:80', 'db:80', 'db:5432', 'db:22', '/a', '[::1]:22'] },
    ],
    [
      'lists without anything in common',
      { permitListen: ['a:1'] },
      { permitListen: ['b:1'] },
      { permitListen: [] },
    ],
  ])('of both factors are what each allows: %s', (_what, a, b, expected) => {
    expect(both(a, b)).toEqual(expected);
  });
});
