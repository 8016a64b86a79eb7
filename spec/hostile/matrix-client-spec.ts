/** The master matrix against our client: every state × every message number × every shape, through a real transport. */
import { describe, expect, it } from '@jest/globals';
import { goldenTable } from '../support/raw-peer/golden.ts';
import { tableOf } from '../support/raw-peer/matrix.ts';
import { statesOf } from '../support/raw-peer/states.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';

describe('messages to our client', () => {
  it.each(statesOf('client').map((state) => [state.name, state] as const))(
    'come to what the golden table says in %s',
    async (_, state) => {
      expect(await tableOf(state)).toBe(goldenTable(state));
      await expectAlive();
    },
    30_000,
  );
});
