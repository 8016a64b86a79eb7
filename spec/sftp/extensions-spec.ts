import { describe, expect, it } from '@jest/globals';
import { EXTENSIONS, limits, usersGroupsById } from '../../src/sftp/extensions.ts';
import { fromHex, toHex } from '../../src/wire/bytes.ts';
import type { Fields } from '../../src/wire/fields.ts';
import type { Struct } from '../../src/wire/struct.ts';
import { expectReadAsWritten } from '../support/structs.ts';

const structs: readonly (readonly [string, Struct<Fields>])[] = EXTENSIONS.flatMap(
  ({ name, request, reply }) => [
    [`${name}, the request`, request] as const,
    ...(reply === undefined ? [] : [[`${name}, the reply`, reply] as const]),
  ],
);

describe.each(structs)('%s', (_name, struct) => {
  it('is read as it was written, and refused when it is cut off or damaged', () =>
    expectReadAsWritten(struct));
});

it('no two extensions share a name', () => {
  expect(new Set(EXTENSIONS.map(({ name }) => name)).size).toBe(EXTENSIONS.length);
});

it('users-groups-by-id has its lists in strings (OpenSSH PROTOCOL 4.9)', () => {
  expect(toHex(usersGroupsById.request.encode({ uids: [{ id: 5 }, { id: 6 }], gids: [] }))).toBe(
    toHex(fromHex('00000008 00000005 00000006 00000000')),
  );
  expect(
    usersGroupsById.reply.decode(fromHex('00000009 00000001 61 00000000 00000005 00000001 62')),
  ).toEqual({ users: [{ name: 'a' }, { name: '' }], groups: [{ name: 'b' }] });
});

it('limits has four numbers of 64 bits (OpenSSH PROTOCOL 4.8)', () => {
  const hex = '0000000000040000 000000000003fc00 000000000003fc00 00000000000003fb';
  expect(limits.reply.decode(fromHex(hex))).toEqual({
    ...{ maxPacketLength: 262_144n, maxReadLength: 261_120n, maxWriteLength: 261_120n },
    maxOpenHandles: 1019n,
  });
});
