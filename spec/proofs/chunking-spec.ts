import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, ignoreElements, lastValueFrom, Observable, of, tap, toArray } from 'rxjs';
import { connect } from '../../src/client/connect.ts';
import { withClient } from '../../src/client/with-client.ts';
import { collect } from '../../src/client/output-operators.ts';
import { privateKeyFromSeed } from '../../src/keys/private-key.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { serve } from '../../src/server/serve.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import type { TraceEvent } from '../../src/streams/trace.ts';
import { determinedProvider } from '../support/determined.ts';
import { closeEmbedded, keepOpen } from '../support/embedded.ts';

afterEach(closeEmbedded);

interface Session {
  readonly client: readonly TraceEvent[];
  readonly server: readonly TraceEvent[];
  /** Digests of all that went over the wire. */
  readonly wire: readonly [string, string];
  readonly results: unknown;
}

/** A duplex that tells what is read from it. */
function overheard(duplex: ByteDuplex, heard: (bytes: Uint8Array) => void): ByteDuplex {
  return {
    readable$: duplex.readable$.pipe(tap(heard)),
    write: (bytes, done) => duplex.write(bytes, done),
    end: () => duplex.end(),
    destroy: () => duplex.destroy(),
  };
}

/** A login, three commands and a rekey, in chunks of this size. */
async function sessionIn(chunk: number | undefined, kex: string): Promise<Session> {
  const client: TraceEvent[] = [];
  const server: TraceEvent[] = [];
  const wire = [createHash('sha256'), createHash('sha256')] as const;
  const key = privateKeyFromSeed(new Uint8Array(32).fill(7));
  const [clientEnd, serverEnd] = memoryPair(chunk === undefined ? {} : { chunk });
  keepOpen(
    serve(
      overheard(serverEnd, (bytes) => wire[1].update(bytes)),
      {
        hostKeys: [privateKeyFromSeed(new Uint8Array(32).fill(8))],
        authenticate: (attempt) => of(attempt.method === 'publickey'),
        authentication: { failureDelay: 0 },
        provider: determinedProvider(1),
        exec: (session, command) =>
          concat(
            session.stderr.pump(`running ${command}\n`).pipe(ignoreElements()),
            session.stdout.pump(session.stdin$).pipe(exitWith(command.length)),
          ),
        trace: (event) => server.push(timeless(event)),
      },
    ).subscribe(),
  );
  const client$ = connect({
    duplex: overheard(clientEnd, (bytes) => wire[0].update(bytes)),
    host: 'db1',
    user: 'alice',
    identities: () => of(key),
    hostKeys: { policy: 'no', warn: () => undefined },
    algorithms: { kex: [kex] },
    provider: determinedProvider(2),
    trace: (event) => client.push(timeless(event)),
  });
  const results = await lastValueFrom(
    client$.pipe(
      withClient((connected) =>
        concat(
          connected.exec('one', { stdin: 'hello' }).pipe(collect()),
          connected.exec('two', { stdin: new Uint8Array(3000) }).pipe(collect()),
          connected.rekey(),
          connected.exec('three').pipe(collect()),
          // let the last CLOSE arrive before the goodbye
          connected.globalRequest('any').pipe(ignoreErrors()),
        ),
      ),
      toArray(),
    ),
  );
  return { client, server, wire: [wire[0].digest('hex'), wire[1].digest('hex')], results };
}

/** How long a handshake takes is not the same twice. */
function timeless(event: TraceEvent): TraceEvent {
  if (event.type !== 'handshake') return event;
  const timings = { identification: 0, keyExchange: 0 };
  return { ...event, handshake: { ...event.handshake, timings } };
}

function ignoreErrors<T>() {
  return (source: Observable<T>): Observable<T> =>
    new Observable((out) =>
      source.subscribe({ error: () => out.complete(), complete: () => out.complete() }),
    );
}

describe.each(['curve25519-sha256', 'mlkem768x25519-sha256'])('a session with %s', (kex) => {
  it('has the same trace, the same bytes and the same results in chunks of any size', async () => {
    const whole = await sessionIn(undefined, kex);
    expect(whole.client.length).toBeGreaterThan(60);
    for (const chunk of [1, 2, 7, 33, 1000]) expect(await sessionIn(chunk, kex)).toEqual(whole);
  });
});
