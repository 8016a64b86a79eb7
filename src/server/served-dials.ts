/** Channels that lead somewhere else: `direct-tcpip` and its sister for unix sockets. */
import { from, Observable, Subscription } from 'rxjs';
import type { ChannelOpenAnswer, ChannelOpenHandler } from '../channels/connection.ts';
import { isSshError } from '../errors.ts';
import { CARRIER, ChannelDuplex } from '../forwarding/channel-duplex.ts';
import { checkTarget } from '../forwarding/endpoint.ts';
import { OpenFailureReason } from '../messages/codes.ts';
import { directStreamlocal, directTcpip } from '../messages/forwarding.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import type { DialHandler, DialRequest } from './forwarding.ts';
import { endBehind, type ForwardContext, leadOn } from './served-ways.ts';

/** Handlers by channel type. */
export function dialChannels(
  dial: DialHandler,
  context: ForwardContext,
): Readonly<Record<string, ChannelOpenHandler>> {
  const answer = (request: DialRequest): ChannelOpenAnswer | Observable<ChannelOpenAnswer> => {
    checkTarget(request.to);
    const far = dial(request, context.connection);
    return far === false ? prohibited : dialled(request, from(far), context);
  };
  return {
    'direct-tcpip': ({ payload }) => {
      const { hostToConnect: host, portToConnect: port, ...from } = directTcpip.decode(payload);
      const originator = { address: from.originatorAddress, port: from.originatorPort };
      return answer({ to: { host, port }, originator });
    },
    'direct-streamlocal@openssh.com': ({ payload }) => {
      const { socketPath } = directStreamlocal.decode(payload);
      return answer({ to: { socketPath }, originator: undefined });
    },
  };
}

/** Before the answer, whoever waits for it decides over the way; behind it, the two ends do. */
function dialled(
  { to, originator }: DialRequest,
  far$: Observable<ByteDuplex>,
  context: ForwardContext,
): Observable<ChannelOpenAnswer> {
  const { life, scheduler, answerTimeout } = context;
  return new Observable((out) => {
    const way = new Subscription();
    endBehind(life, way);
    let isAnswered = false;
    const refuse = (error: unknown): void => {
      if (!isAnswered) out.next(refusalFor(error));
    };
    const late = (): void => refuse(timeoutError('forwarding', answerTimeout));
    out.add(after(answerTimeout, late, scheduler));
    out.add(() => {
      if (!isAnswered) way.unsubscribe();
    });
    const accept = (far: ByteDuplex): void => {
      if (isAnswered) return;
      isAnswered = true;
      out.next({
        accept: true,
        options: CARRIER,
        opened: (channel) =>
          leadOn(context, { near: new ChannelDuplex(channel, originator), far }, to, way),
      });
    };
    way.add(far$.subscribe({ next: accept, error: refuse, complete: () => out.complete() }));
  });
}

const prohibited: ChannelOpenAnswer = {
  accept: false,
  reasonCode: OpenFailureReason.ADMINISTRATIVELY_PROHIBITED,
  description: 'not permitted',
};

/** Which addresses a name has, and what they said, is not for everybody. */
function refusalFor(error: unknown): ChannelOpenAnswer {
  if (!isSshError(error, 'connect') && !isSshError(error, 'timeout')) return prohibited;
  const reasonCode = OpenFailureReason.CONNECT_FAILED;
  return { accept: false, reasonCode, description: 'connect failed' };
}
