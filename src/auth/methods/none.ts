/** `none` (RFC 4252 §5.2): a request without a credential, by which a client learns what the server offers. */
import { EMPTY, type Observable, of } from 'rxjs';
import { protocolError } from '../../errors.ts';
import type { ClientMethod, ClientMove } from '../client-method.ts';
import type { ServerMethod } from '../server-method.ts';

/** The client's half: one request. */
export function noneClient(): ClientMethod {
  let isSent = false;
  return {
    name: 'none',
    rows: [],
    hasManyCredentials: false,
    next(): Observable<ClientMove> {
      if (isSent) return EMPTY;
      isSent = true;
      return of({ type: 'request', methodData: new Uint8Array(0), isQuestion: true });
    },
    answer(message): never {
      throw protocolError(`${message.type} in answer to none`);
    },
  };
}

/** The server's half. */
export const noneServer: ServerMethod = {
  name: 'none',
  examine({ methodData }) {
    if (methodData.length > 0) throw protocolError('none request with data');
    return { type: 'ask', credential: { method: 'none' } };
  },
};
