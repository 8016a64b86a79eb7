/** Row R16: counts and lengths on the wire are claims. Each is made as large as it can be, in every message of every state. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { memoryInUse, MiB } from '../support/memory.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import { MESSAGE_NUMBERS, wellFormed } from '../support/raw-peer/shapes.ts';
import { statesOf } from '../support/raw-peer/states.ts';
import { expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const CLAIMS = [0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 0x0100_0000];
/** States in which bodies are read: the others are about numbers alone. */
const READING = /^(S2|S3 both KEXINITs, not|S6 keyed$|S7|S10|S12 both)/;

afterAll(expectAlive);

/** Offsets at which four bytes could be a length or a count: all of them. */
function offsets(payload: Buffer): readonly number[] {
  return Array.from({ length: Math.max(0, payload.length - 4) }, (_, at) => at + 1);
}

describe.each(ROLES)('R16: our %s', (role) => {
  const states = statesOf(role).filter(({ name }) => READING.test(name));

  it.each(states.map((state) => [state.name, state] as const))(
    'takes no claim for memory or time in %s',
    async (_, state) => {
      const before = await memoryInUse();
      const wrong: string[] = [];
      for (const number of MESSAGE_NUMBERS) {
        const first = await state.enter();
        const payload = wellFormed(number, first.peer, first.channel);
        first.subject.stop();
        // names of algorithms are long, and all read in one way
        const tried = offsets(payload).filter((at) => number !== 20 || at < 80 || at % 16 === 0);
        for (const at of tried) {
          const { peer, subject } = await state.enter();
          const claim = Buffer.from(payload);
          claim.writeUInt32BE(CLAIMS[at % CLAIMS.length] ?? 0, at);
          peer.send(claim);
          await settled(peer);
          const [error] = subject.errors;
          const text = error instanceof Error ? error.message : '';
          if (
            subject.errors.length > 1 ||
            text.startsWith('internal error') ||
            /RangeError|alloc/.test(text)
          )
            wrong.push(`${number} at ${at}: ${text}`);
          subject.stop();
        }
      }
      expect(wrong).toEqual([]);
      expect((await memoryInUse()) - before).toBeLessThan(8 * MiB);
    },
    60_000,
  );
});
