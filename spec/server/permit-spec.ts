/** What a login's permissions leave of a server's forwarding. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY } from 'rxjs';
import type { Endpoint } from '../../src/forwarding/endpoint.ts';
import type { Permissions } from '../../src/keys/permissions.ts';
import type { ServerConnection } from '../../src/server/connection.ts';
import type { ForwardHandlers } from '../../src/server/forwarding.ts';
import { permitEndpoints, permittedForwarding } from '../../src/server/permit.ts';

const CONNECTION = {} as ServerConnection;
const HANDLERS: ForwardHandlers = { dial: () => EMPTY, listen: () => EMPTY, maxListeners: 3 };

function dials(permissions: Permissions, to: Endpoint): boolean {
  const { dial } = permittedForwarding(HANDLERS, permissions);
  return dial !== undefined && dial({ to, originator: undefined }, CONNECTION) !== false;
}

function listens(permissions: Permissions, at: Endpoint): boolean {
  const { listen } = permittedForwarding(HANDLERS, permissions);
  return listen !== undefined && listen({ at }, CONNECTION) !== false;
}

describe('permitEndpoints', () => {
  const db = { host: 'DB', port: 5432 };
  it.each<[string, Endpoint, boolean]>([
    ['db:5432', db, true],
    ['Db:*', db, true],
    ['*:5432', db, true],
    ['*:*', db, true],
    ['*:*', { socketPath: '/a' }, false],
    ['db:54', db, false],
    ['d*:5432', db, false],
    ['[::1]:22', { host: '::1', port: 22 }, true],
    ['/run/a', { socketPath: '/run/a' }, true],
    ['/run/a', { socketPath: '/run/b' }, false],
  ])('%s for %j: %p', (pattern, endpoint, expected) => {
    expect(permitEndpoints(pattern)(endpoint)).toBe(expected);
  });

  it.each(['db', '5432', 'db:65536', 'db:-1', '::1:22', '[::1]', ''])(
    'has no use for %j',
    (text) => {
      expect(() => permitEndpoints(text)).toThrow('nor a path');
    },
  );
});

describe('the forwarding of a login', () => {
  const web = { host: 'web', port: 80 };

  it('is that of the server where nothing is said', () => {
    expect(dials({}, web)).toBe(true);
    expect(listens({}, web)).toBe(true);
    expect(permittedForwarding(HANDLERS, {}).maxListeners).toBe(3);
  });

  it('is none without port forwarding, unix sockets neither (C17)', () => {
    const none: Permissions = { portForwarding: false, permitOpen: ['*:*', '/a'] };
    expect([dials(none, web), dials(none, { socketPath: '/a' })]).toEqual([false, false]);
    expect([listens(none, web), listens(none, { socketPath: '/a' })]).toEqual([false, false]);
  });

  it('is what the lists name', () => {
    const some: Permissions = { permitOpen: ['web:80'], permitListen: [] };
    expect([dials(some, web), dials(some, { host: 'web', port: 81 })]).toEqual([true, false]);
    expect(dials(some, { socketPath: '/a' })).toBe(false);
    expect(listens(some, web)).toBe(false);
    expect(listens({ permitOpen: [] }, web)).toBe(true);
  });

  it('is no more than the server has', () => {
    expect(permittedForwarding({}, { portForwarding: true })).toEqual({});
  });
});
