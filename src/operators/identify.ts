import type { MonoTypeOperatorFunction } from 'rxjs';
import { type Identification, IdentificationParser } from '../transport/identification.ts';
import type { Role } from '../transport/role.ts';
import { lift } from './lift.ts';

/**
 * Takes the peer's identification (RFC 4253 §4.2) off the front of a byte stream and passes on what follows it.
 *
 * 1. Lines that a server sends first are passed over, within their limits; a client may send none.
 * 2. `found` is called once, before the first byte behind the identification is passed on.
 * 3. Errors with `protocol` when a limit is passed or the line is not SSH 2.0; completion passes through, but for that of a peer that
 *    has said something else: it errors with `connection-lost`, which quotes that.
 *
 * @param role - ours
 * @param found - receives the identification without CR LF
 */
export function identify(
  role: Role,
  found: (identification: Identification) => void,
): MonoTypeOperatorFunction<Uint8Array> {
  return lift((out) => {
    let parser: IdentificationParser | undefined = new IdentificationParser(role);
    return {
      next(chunk): void {
        if (parser === undefined) {
          out.next(chunk);
          return;
        }
        for (let at = 0; at < chunk.length; at++) {
          const identification = parser.push(chunk[at] ?? 0);
          if (identification === undefined) continue;
          parser = undefined;
          found(identification);
          if (at + 1 < chunk.length) out.next(chunk.subarray(at + 1));
          return;
        }
      },
      complete(): void {
        const error = parser?.left();
        if (error === undefined) out.complete();
        else out.error(error);
      },
    };
  });
}
