import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, ignoreElements, of } from 'rxjs';
import { exitWith } from '../../src/server/exit-result.ts';
import { closePairs, pair, run } from './raw-client.ts';

afterEach(closePairs);

describe('serve', () => {
  it.each([1, 100, undefined])('runs an exec in chunks of %s', async (chunk) => {
    const { connection, client, events, ended } = await pair(
      {
        exec: (session, command) =>
          concat(
            session.stdout.pump(`${session.user}: ${command}\n`).pipe(ignoreElements()),
            session.stderr.pump('oh').pipe(ignoreElements()),
            of(7),
          ),
      },
      chunk === undefined ? {} : { chunk },
    );
    expect(await run(connection, 'make test')).toEqual({
      stdout: 'alice: make test\n',
      stderr: 'oh',
      requests: [{ type: 'exit-status', value: 7 }],
    });
    client.unsubscribe();
    await ended;
    expect(events.map((event) => event.type)).toEqual([
      ...['connection', 'handshake', 'authenticated'],
      ...['session', 'exec', 'exit', 'session-closed', 'closed'],
    ]);
  });

  it('echoes', async () => {
    const { connection } = await pair({
      exec: (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
    });
    expect(await run(connection, 'cat', 'hello')).toEqual({
      stdout: 'hello',
      stderr: '',
      requests: [{ type: 'exit-status', value: 0 }],
    });
  });
});
