/** Sends one message in one state and says what came of it. */
import { setImmediate as turn } from 'node:timers/promises';
import { Cursor } from './bytes.ts';
import type { Received } from './packet-peer.ts';
import type { RawPeer } from './raw-peer.ts';
import { brokenShapes, wellFormed } from './shapes.ts';
import type { Situation, State } from './states.ts';

/** Turns of the event loop without a message after which nothing is under way: the wire is in memory, and no timer is set. */
const QUIET_TURNS = 3;

/**
 * What came of a message: `quiet`, `unimplemented` (for exactly that packet), `reply 82 …`, `disc 2`, `close` (without a
 * word).
 */
export type Outcome = string;

/** All that is under way towards the raw peer. */
export async function settled(peer: RawPeer): Promise<readonly Received[]> {
  const received: Received[] = [];
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await turn();
    for (let next = peer.take(); next !== undefined; next = peer.take()) {
      received.push(next);
      quiet = 0;
    }
    if (peer.end !== undefined) break;
  }
  return received;
}

/** Sends a payload and waits until nothing happens any more. A NEWKEYS that is taken changes our keys too. */
export async function outcomeOf(
  situation: Situation,
  state: State,
  payload: Buffer,
): Promise<Outcome> {
  const { peer, release } = situation;
  const before = await settled(peer);
  if (before.length > 0) throw new Error('not settled before the message');
  const sequence = peer.send(payload);
  if (release !== undefined) {
    if ((await settled(peer)).length > 0) throw new Error('the gate was open');
    release();
    if (peer.role === 'client') await peer.readEcdhReply();
    await peer.readNewKeys();
  }
  if (payload[0] === 21) peer.switchOutbound();
  const received = await settled(peer);
  const outcome = nameOf(received, sequence, peer);
  if (peer.end === undefined && !outcome.endsWith(' 21'))
    await expectLiving(situation, state, payload);
  return outcome;
}

/** The table of one state, as text. */
export async function tableOf(state: State): Promise<string> {
  const whole = new Map<Outcome, number[]>();
  const broken = new Map<Outcome, string[]>();
  let situation: Situation | undefined;
  for (let number = 0; number < 256; number++) {
    situation ??= await state.enter();
    const payload = wellFormed(number, situation.peer, situation.channel);
    const outcome = await checkedOutcome(situation, state, payload);
    add(whole, outcome, number);
    for (const name of shapesToTry(number, situation, outcome))
      add(broken, await brokenOutcome(state, number, name), `${String(number)}/${name}`);
    // what changes nothing leaves the state as it was
    if (outcome === 'unimplemented') continue;
    situation.subject.stop();
    situation = undefined;
  }
  situation?.subject.stop();
  const lines = [...whole].map(([outcome, numbers]) => `${outcome}: ${ranges(numbers)}`);
  const shapes = [...broken].map(
    ([outcome, names]) =>
      `broken, ${outcome}: ${outcome === 'disc 2' ? 'all others' : names.join(' ')}`,
  );
  return [`${state.role}, ${state.name}`, ...lines.sort(), ...shapes.sort()].join('\n');
}

/** A message that may not come at all is judged by its number: a shape or two will do. */
function shapesToTry(number: number, situation: Situation, whole: Outcome): readonly string[] {
  const names = brokenShapes(number, situation.peer, situation.channel).map(({ name }) => name);
  return whole === 'disc 2' ? names.filter((name) => /^(trailing|cut-0)$/.test(name)) : names;
}

async function brokenOutcome(state: State, number: number, name: string): Promise<Outcome> {
  const situation = await state.enter();
  const shapes = brokenShapes(number, situation.peer, situation.channel);
  const { payload } = shapes.find((each) => each.name === name) ?? { payload: Buffer.alloc(0) };
  const outcome = await checkedOutcome(situation, state, payload);
  situation.subject.stop();
  return outcome;
}

function add<T>(table: Map<Outcome, T[]>, outcome: Outcome, what: T): void {
  table.set(outcome, [...(table.get(outcome) ?? []), what]);
}

/** The outcome, and that the application saw nothing that it may not see yet. */
async function checkedOutcome(
  situation: Situation,
  state: State,
  payload: Buffer,
): Promise<Outcome> {
  const outcome = await outcomeOf(situation, state, payload);
  const { userCode, errors } = situation.subject;
  const tooEarly = userCode.filter((each) => /^(connected|open|request)/.test(each));
  const isSuccess = outcome === 'quiet' && payload[0] === 52;
  if (state.isConnected !== true && !isSuccess && tooEarly.length > 0)
    throw new Error(`user code before the login: ${tooEarly.join(', ')}`);
  const isOver = outcome.startsWith('disc') || outcome === 'close';
  if (errors.length !== (isOver ? 1 : 0))
    throw new Error(`${String(errors.length)} errors after ${outcome}`);
  return outcome;
}

function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < numbers.length; at++) {
    const first = numbers[at] ?? 0;
    while (numbers[at + 1] === (numbers[at] ?? 0) + 1) at++;
    const last = numbers[at] ?? 0;
    parts.push(first === last ? String(first) : `${String(first)}-${String(last)}`);
  }
  return parts.join(' ');
}

function nameOf(received: readonly Received[], sequence: number, peer: RawPeer): Outcome {
  const last = received.at(-1);
  if (last?.number === 1) {
    if (peer.end === undefined) throw new Error('DISCONNECT without a FIN');
    return `disc ${String(new Cursor(last.payload).skip(1).u32())}`;
  }
  if (peer.end !== undefined) return 'close';
  if (last === undefined) return 'quiet';
  if (last.number !== 3) return `reply ${received.map(({ number }) => number).join(' ')}`;
  const named = last.payload.readUInt32BE(1);
  if (received.length > 1 || named !== sequence)
    throw new Error(`UNIMPLEMENTED(${String(named)}), not ${String(sequence)}`);
  return 'unimplemented';
}

/** Nothing hangs: a packet that nobody knows is still answered, where an answer is allowed. */
async function expectLiving(
  { peer }: Situation,
  { isStrictExchange }: State,
  payload: Buffer,
): Promise<void> {
  // within an exchange whose keys are changing now, the next packet has to be NEWKEYS
  if (isStrictExchange === true && payload[0] !== 21) return;
  await peer.barrier();
}
