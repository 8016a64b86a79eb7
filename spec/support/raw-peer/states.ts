/** How to bring our end into each state of the matrix, S0 to S13, in either role. */
import { NEVER, of, Subject as Trigger } from 'rxjs';
import { generatePrivateKey } from '../../../src/keys/private-key.ts';
import * as message from './messages.ts';
import type { RawOptions } from './kex-peer.ts';
import { duel, type Duel, type SubjectOptions } from './subject.ts';

/** A duel in some state. */
export interface Situation extends Duel {
  /** Number of a channel that is open at our end. */
  readonly channel: number;
  /** Lets a verdict through that the state waits for. */
  readonly release?: () => void;
}

/** A state and the way to it. */
export interface State {
  readonly name: string;
  readonly role: 'client' | 'server';
  /** A first exchange under strict rules: whatever is not due ends the connection, so nothing can be asked in between. */
  readonly isStrictExchange?: boolean;
  /** A user is authenticated. */
  readonly isConnected?: boolean;
  enter(): Promise<Situation>;
}

type Step = (situation: Duel) => Promise<void>;

const noStep: Step = async () => undefined;
const identified: Step = async ({ peer }) => {
  await peer.identifyBoth();
  await peer.readKexInit();
};
const proposed: Step = async ({ peer }) => {
  await peer.identifyBoth();
  await peer.proposeBoth();
  if (peer.role === 'server') await peer.readEcdhInit();
};
const agreed: Step = async (situation) => {
  await situation.peer.identifyBoth();
  await situation.peer.proposeBoth();
  await situation.peer.agree();
  await situation.peer.readNewKeys();
};
const handshaken: Step = async ({ peer }) => {
  await peer.handshake();
};
const keyed: Step = async ({ peer }) => {
  await peer.handshake();
  if (peer.role === 'server') await peer.until(message.Msg.SERVICE_REQUEST);
};
const serviceAccepted: Step = async ({ peer }) => {
  await peer.handshake();
  if (peer.role === 'server') await peer.acceptService();
  else await peer.requestService();
};

function state(
  role: 'client' | 'server',
  name: string,
  step: Step,
  options: Omit<SubjectOptions, 'role'> = {},
  raw: Partial<RawOptions> = {},
): State {
  return {
    name,
    role,
    async enter() {
      const situation = duel({ ...options, role }, raw);
      await step(situation);
      return { ...situation, channel: 0 };
    },
  };
}

/** S4: the inbound gate is closed; what comes then is read when the verdict is there. */
function gated(role: 'client' | 'server'): State {
  return {
    name: 'S4 a verdict is waited for',
    role,
    isStrictExchange: true,
    async enter() {
      const verdict = new Trigger<boolean>();
      const { peer, subject } = duel({ role, transport: gate(role, verdict) });
      await peer.identifyBoth();
      await peer.proposeBoth();
      if (role === 'server') peer.sendEcdhInit();
      else {
        await peer.readEcdhInit();
        peer.sendEcdhReply();
      }
      return { peer, subject, channel: 0, release: () => verdict.next(true) };
    },
  };
}

function gate(
  role: 'client' | 'server',
  verdict: Trigger<boolean>,
): NonNullable<SubjectOptions['transport']> {
  if (role === 'client') return { verifyHostKey: () => verdict };
  const key = generatePrivateKey('ed25519');
  return {
    hostKeys: [
      {
        publicKey: key.publicKey,
        algorithms: key.algorithms,
        sign: (data, algorithm) =>
          new Promise((resolve) => {
            verdict.subscribe(() => resolve(key.sign(data, algorithm)));
          }),
      },
    ],
  };
}

const partialOptions: Omit<SubjectOptions, 'role'> = {
  serverAuth: { authenticate: () => of({ partial: true, methodsLeft: ['publickey'] } as const) },
  clientAuth: { methods: ['password', 'publickey'], identities: () => NEVER },
};

const partlySucceeded: Step = async (situation) => {
  const { peer } = situation;
  await serviceAccepted(situation);
  if (peer.role === 'client') {
    peer.send(message.password('right'));
    await peer.expect(message.Msg.AUTH_FAILURE);
  } else {
    await peer.until(message.Msg.AUTH_REQUEST);
    peer.send(message.authFailure(true, 'publickey'));
  }
};

const authPending: Step = async (situation) => {
  await serviceAccepted(situation);
  const { peer, subject } = situation;
  if (peer.role === 'server') await peer.until(message.Msg.AUTH_REQUEST);
  else {
    peer.send(message.password('right'));
    await subject.when('the policy', () => subject.userCode.find((each) => each.includes('auth')));
  }
};

/** Authenticated, with an open channel, and then some more. */
function connected(role: 'client' | 'server', name: string, more: Step): State {
  return {
    name,
    role,
    isConnected: true,
    async enter() {
      const { peer, subject } = duel({ role });
      await peer.session();
      await subject.connected();
      if (role === 'client') subject.open().subscribe({ error: () => undefined });
      const channel = await peer.channel();
      await more({ peer, subject });
      return { peer, subject, channel: channel.peer };
    },
  };
}

const ownRekey: Step = async ({ peer, subject }) => {
  subject.transport?.rekey();
  await peer.readKexInit();
};
const peerRekey: Step = async ({ peer }) => {
  await peer.proposeBoth();
  if (peer.role === 'server') await peer.readEcdhInit();
};
const newKeysDue: Step = async ({ peer }) => {
  await peer.proposeBoth();
  await peer.agree();
  await peer.readNewKeys();
};

/** All states of a role but S0, S1 and S13, in which nothing is a packet. */
export function statesOf(role: 'client' | 'server'): readonly State[] {
  const strict = { isStrictExchange: true };
  const lax = { strict: false };
  return [
    state(role, 'S2 own KEXINIT sent', identified, {}, lax),
    { ...state(role, 'S3 both KEXINITs, strict', proposed), ...strict },
    state(role, 'S3 both KEXINITs, not strict', proposed, {}, lax),
    gated(role),
    { ...state(role, 'S5 NEWKEYS sent, strict', agreed), ...strict },
    state(role, 'S5 NEWKEYS sent, not strict', agreed, {}, lax),
    state(role, 'S6 keyed', keyed),
    ...(role === 'client'
      ? [state(role, 'S6 keyed, nothing was asked for', handshaken, { transportOnly: true })]
      : []),
    state(role, 'S7 service accepted', serviceAccepted, { clientAuth: { password: () => NEVER } }),
    state(role, 'S8 authentication pending', authPending, {
      serverAuth: { authenticate: () => NEVER },
    }),
    state(role, 'S9 partial success', partlySucceeded, partialOptions),
    connected(role, 'S10 authenticated', noStep),
    connected(role, 'S11 own KEXINIT sent', ownRekey),
    connected(role, 'S12 both KEXINITs', peerRekey),
    connected(role, 'S12 NEWKEYS sent', newKeysDue),
  ];
}
