/** Channels that lead somewhere else: `direct-tcpip` and its sister for unix sockets. */
import { from, Observable, Subscription } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOpenAnswer, ChannelOpenHandler } from '../channels/connection.ts';
import { isSshError } from '../errors.ts';
import { CARRIER, ChannelDuplex } from '../forwarding/channel-duplex.ts';
import { checkTarget } from '../forwarding/endpoint.ts';
import { splice } from '../forwarding/splice.ts';
import { OpenFailureReason } from '../messages/codes.ts';
import { directStreamlocal, directTcpip } from '../messages/forwarding.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import type { ServerConnection } from './connection.ts';
import type { DialHandler, DialRequest } from './forwarding.ts';
import { endBehind } from './served-ways.ts';

/**
 * Handlers by channel type.
 *
 * @param life - ends with the connection, and all ways with it
 */
export function dialChannels(
  dial: DialHandler,
  connection: ServerConnection,
  life: Subscription,
): Readonly<Record<string, ChannelOpenHandler>> {
  const answer = (request: DialRequest): ChannelOpenAnswer | Observable<ChannelOpenAnswer> => {
    checkTarget(request.to);
    const far = dial(request, connection);
    if (far === false) return prohibited;
    return new Observable((out) => {
      const way = new Way(life);
      // before the answer, whoever waits for it decides; behind it, the two ends do
      out.add(() => way.leaveUnlessOpen());
      way.life.add(
        from(far).subscribe({
          next: (duplex) => {
            if (way.isOpen) return;
            way.isOpen = true;
            out.next({
              accept: true,
              options: CARRIER,
              opened: (channel) => way.join(channel, duplex),
            });
          },
          error: (error: unknown) => {
            if (!way.isOpen) out.next(refusalFor(error));
          },
          complete: () => out.complete(),
        }),
      );
    });
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

/** A connection of a client to somewhere else. */
class Way {
  readonly life = new Subscription();
  isOpen = false;

  constructor(connectionLife: Subscription) {
    endBehind(connectionLife, this.life);
  }

  join(channel: Channel, far: ByteDuplex): void {
    const over = (): void => this.life.unsubscribe();
    this.life.add(
      splice(new ChannelDuplex(channel), far).subscribe({ error: over, complete: over }),
    );
  }

  leaveUnlessOpen(): void {
    if (!this.isOpen) this.life.unsubscribe();
  }
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
