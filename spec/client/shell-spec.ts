/** The user's shell: its terminal, its environment, and what the server tells of flow control. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, ignoreElements, merge, NEVER, type Observable, of, switchMap, take } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import type { SessionChannel } from '../../src/client/session.ts';
import { shell, withClient } from '../../src/client/with-client.ts';
import { isSshError } from '../../src/errors.ts';
import { xonXoff } from '../../src/messages/channel-requests.ts';
import { type ExitResult, exitWith } from '../../src/server/exit-result.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { allOf, closeEmbedded, embedded, turn } from '../support/embedded.ts';

afterEach(closeEmbedded);

/** Says which terminal and environment it has, and then what it is told. */
const echo = ({ pty, env, stdin$, stdout }: ServerSession): Observable<ExitResult> => {
  const size = pty === undefined ? 'none' : `${pty.term} ${pty.columns}x${pty.rows}`;
  const greeting = `${size} ${env.get('LANG') ?? '-'};`;
  const greeting$ = stdout.pump(greeting, { end: false }).pipe(ignoreElements());
  return concat(greeting$, stdout.pump(stdin$).pipe(exitWith(3)));
};

const { client$, types } = embedded(() => NEVER, {
  server: { shell: echo, pty: true, acceptEnv: ['LANG'] },
});

/** Types, and emits all that is shown, and how it ends. */
const typing =
  (typed: string) =>
  ({ stdin, stdout$, exit$ }: SessionChannel): Observable<unknown> =>
    merge(stdin.pump(typed).pipe(ignoreElements()), concat(stdout$, exit$));

describe('shell', () => {
  it('has a terminal, a shell and the environment, and closes behind the work', async () => {
    const all = await allOf(client$.pipe(shell(typing('hi'), { env: { LANG: 'C.UTF-8' } })));
    expect(all.slice(0, -2).join('')).toBe('xterm-256color 80x24 C.UTF-8;hi');
    expect(all.slice(-2)).toEqual([{ kind: 'status', status: 3 }, 'complete']);
    await turn();
    expect(types().slice(-3)).toEqual(['exit', 'session-closed', 'closed']);
  });

  it('asks for the terminal that is wanted, or for none', async () => {
    const pty = { term: 'vt100', columns: 132, rows: 50 };
    expect((await allOf(client$.pipe(shell(typing(''), { pty })))).join('')).toMatch(
      /^vt100 132x50 -;/,
    );
    expect((await allOf(client$.pipe(shell(typing(''), { pty: false })))).join('')).toMatch(
      /^none -;/,
    );
  });

  it('is an object that completes when the shell has ended', async () => {
    const shell$ = client$.pipe(
      withClient((client) =>
        client.shell().pipe(switchMap((opened) => concat(of('opened'), typing('')(opened)))),
      ),
    );
    expect((await allOf(shell$)).slice(-2)).toEqual([{ kind: 'status', status: 3 }, 'complete']);
  });

  it('errors when the server gives no terminal, or no shell', async () => {
    const bare = embedded(() => NEVER, { server: { shell: echo } });
    const [noTerminal] = await allOf(bare.client$.pipe(shell(typing(''))));
    expect(isSshError(noTerminal, 'request-refused') && noTerminal.detail).toEqual({
      request: 'pty-req',
    });
    const none = embedded(() => NEVER);
    const [noShell] = await allOf(none.client$.pipe(shell(typing(''), { pty: false })));
    expect(isSshError(noShell, 'request-refused') && noShell.detail).toEqual({ request: 'shell' });
  });
});

describe('flowControl$', () => {
  const telling = (payload: Uint8Array): Observable<SshClient> =>
    embedded(() => NEVER, {
      server: {
        shell: (asked) => {
          asked.channel.notify('xon-xoff', payload);
          return NEVER;
        },
      },
    }).client$;

  it.each([true, false])('tells whether the client may stop output: %s', async (clientCanDo) => {
    const shell$ = telling(xonXoff.encode({ clientCanDo })).pipe(
      shell(({ flowControl$ }) => flowControl$.pipe(take(1)), { pty: false }),
    );
    expect(await allOf(shell$)).toEqual([clientCanDo, 'complete']);
  });

  it('completes with the session when nothing was told', async () => {
    const told$ = client$.pipe(
      shell((opened) => merge(typing('')(opened).pipe(ignoreElements()), opened.flowControl$)),
    );
    expect(await allOf(told$)).toEqual(['complete']);
  });

  it('ends the connection that sends a payload that is too short', async () => {
    const [error] = await allOf(
      telling(new Uint8Array(0)).pipe(
        shell(({ flowControl$, closed$ }) => merge(flowControl$, closed$), { pty: false }),
      ),
    );
    expect(isSshError(error, 'protocol')).toBe(true);
  });
});
