/** The golden table of src/transport/admission.ts, and what must hold in every state there is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type Admission,
  admission,
  type AdmissionState,
  type KexProgress,
  type Phase,
} from '../../src/transport/admission.ts';
import type { Role } from '../../src/transport/role.ts';

const VERDICTS = ['accept', 'ignore', 'unimplemented', 'disconnect'] as const;
const KEX: readonly KexProgress[] = ['none', 'exchanging', 'awaiting-newkeys'];
const PHASES: readonly Phase[] = ['transport', 'userauth', 'connection'];
const ROLES: readonly Role[] = ['client', 'server'];
const NUMBERS = Array.from({ length: 256 }, (_, number) => number);

interface Block {
  readonly title: string;
  readonly state: AdmissionState;
  /** Verdict by number. */
  readonly expected: readonly Admission[];
}

function numbersOf(ranges: string): readonly number[] {
  return ranges.split(' ').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return NUMBERS.slice(first, last + 1);
  });
}

function wordsOf(line: string | undefined, key: string): readonly string[] {
  if (line?.startsWith(`${key} `) !== true) throw new Error(`expected ${key}: ${String(line)}`);
  return line.slice(key.length + 1).split(', ');
}

function blocksOf(text: string): readonly Block[] {
  const paragraphs = text.split('\n\n').filter((each) => each.startsWith('state '));
  return paragraphs.flatMap((paragraph) => {
    const [title = '', roles, facts, ...rows] = paragraph.trim().split('\n');
    const words = wordsOf(facts, 'in');
    const expected: Admission[] = [];
    for (const row of rows) {
      const verdict = VERDICTS.find((each) => row.startsWith(`${each} `));
      if (verdict === undefined) throw new Error(`no verdict: ${row}`);
      for (const number of numbersOf(row.slice(verdict.length + 1))) {
        if (expected[number] !== undefined) throw new Error(`${title}: ${number} stands twice`);
        expected[number] = verdict;
      }
    }
    return wordsOf(roles, 'role').map((name) => {
      const role = name as Role;
      const state: AdmissionState = {
        role,
        phase: PHASES.find((each) => words.includes(each)) ?? 'transport',
        kex: KEX.find((each) => words.includes(each)) ?? 'none',
        initial: words.includes('initial'),
        strict: words.includes('strict'),
        serviceDue: words.includes('serviceDue'),
      };
      return { title: `${role}, ${title}`, state, expected };
    });
  });
}

const blocks = blocksOf(readFileSync(join(__dirname, 'admission.golden.txt'), 'utf8'));

function everyState(): readonly AdmissionState[] {
  const both = [true, false];
  return ROLES.flatMap((role) =>
    PHASES.flatMap((phase) =>
      KEX.flatMap((kex) =>
        both.flatMap((initial) =>
          both.flatMap((strict) =>
            both.map((serviceDue) => ({ role, phase, kex, initial, strict, serviceDue })),
          ),
        ),
      ),
    ),
  );
}

/** State and number pairs where the verdict is `accept` though the condition says that it may not be. */
function acceptedAgainst(
  isForbidden: (state: AdmissionState, number: number) => boolean,
): readonly string[] {
  return everyState().flatMap((state) =>
    NUMBERS.filter(
      (number) => isForbidden(state, number) && admission(state, number) === 'accept',
    ).map((number) => `${number} in ${JSON.stringify(state)}`),
  );
}

describe('admission', () => {
  it.each(blocks.map((block) => [block.title, block] as const))(
    'gives the golden verdicts for %s',
    (_, { state, expected }) => {
      expect(NUMBERS.map((number) => admission(state, number))).toEqual(expected);
    },
  );

  it('has every state of both roles in the golden table', () => {
    expect(blocks.map(({ title }) => title)).toHaveLength(25);
  });

  it('never accepts 0 and never refuses DISCONNECT', () => {
    expect(acceptedAgainst((_, number) => number === 0)).toEqual([]);
    expect(everyState().filter((state) => admission(state, 1) !== 'accept')).toEqual([]);
  });

  it('lets nothing of the layers above through before the first keys, nor after a KEXINIT', () => {
    expect(
      acceptedAgainst(({ initial, kex }, number) => number >= 50 && (initial || kex !== 'none')),
    ).toEqual([]);
  });

  it('lets nothing of RFC 4254 through before a user is authenticated', () => {
    expect(acceptedAgainst(({ phase }, number) => number >= 80 && phase !== 'connection')).toEqual(
      [],
    );
  });

  it('lets nothing of RFC 4252 through but between SERVICE_ACCEPT and success', () => {
    expect(
      acceptedAgainst(({ phase }, number) => number >= 50 && number < 80 && phase !== 'userauth'),
    ).toEqual([]);
  });

  it('takes from a peer only what its role says', () => {
    const toServer = [5, 50];
    const toClient = [6, 51, 52, 53, 60];
    expect(
      acceptedAgainst(({ role }, number) =>
        (role === 'server' ? toClient : toServer).includes(number),
      ),
    ).toEqual([]);
  });

  it('takes KEXINIT, NEWKEYS and the messages of a method only when they are due', () => {
    expect(acceptedAgainst(({ kex }, number) => number === 20 && kex !== 'none')).toEqual([]);
    expect(
      acceptedAgainst(({ kex }, number) => number === 21 && kex !== 'awaiting-newkeys'),
    ).toEqual([]);
    expect(
      acceptedAgainst(({ kex }, number) => number >= 30 && number < 50 && kex !== 'exchanging'),
    ).toEqual([]);
  });

  it('takes nothing but the exchange and DISCONNECT in a strict first exchange', () => {
    const allowed = (number: number): boolean =>
      number === 1 || number === 21 || (number >= 30 && number < 50);
    expect(
      acceptedAgainst(
        ({ initial, strict, kex }, number) =>
          initial && strict && kex !== 'none' && !allowed(number),
      ),
    ).toEqual([]);
    const answered = everyState().filter(
      (state) =>
        state.initial &&
        state.strict &&
        state.kex !== 'none' &&
        NUMBERS.some((number) => ['ignore', 'unimplemented'].includes(admission(state, number))),
    );
    expect(answered).toEqual([]);
  });
});
