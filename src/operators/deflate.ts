import type { MonoTypeOperatorFunction } from 'rxjs';
import { currentCodec, type Outbound } from '../transport/direction.ts';
import { PACKET_HEADER } from '../transport/padding.ts';
import { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

const USERAUTH_SUCCESS = 52;

/** One writer serves all connections: a payload is sealed before `next` returns. */
const writer = new Writer(0, PACKET_HEADER);

/**
 * Compresses payloads where that was agreed on (RFC 4253 §6.2); the others pass as they are. What waits for the login
 * (`zlib@openssh.com`) begins behind the USERAUTH_SUCCESS that leaves here.
 *
 * @param outbound - the cell with the current codec
 */
export function deflate(outbound: Outbound): MonoTypeOperatorFunction<Writer> {
  return lift((out) => ({
    next(payload): void {
      const { login } = outbound;
      const codec = currentCodec(outbound);
      const isLogin = !login.isDone && payload.view()[0] === USERAUTH_SUCCESS;
      if (codec === undefined) out.next(payload);
      else out.next(writer.reset().raw(codec.apply(payload.view(), Infinity)));
      if (isLogin) login.isDone = true;
    },
  }));
}
