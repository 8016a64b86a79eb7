/** Our client against OpenSSH's sshd: commands, and how they end. */
import { expect, it } from '@jest/globals';
import {
  concat,
  firstValueFrom,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  mergeMap,
  Subject,
  take,
  toArray,
} from 'rxjs';
import {
  exec,
  isSshError,
  lines,
  type SshError,
  stdout,
  text,
  withClient,
} from '../../src/node.ts';
import { describeCoreCases } from '../support/peers/core-cases.ts';
import { connectTo, patternOf, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, poll, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

const MIB = 1024 * 1024;
const DEADLINE_MS = 10_000;

describeWithPeer('sshd', 'OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());

  describeCoreCases(peer);

  it('tells a missing exit from a lost connection', async () => {
    // sshd reports the end of every process; so it is a session without one.
    const missing$ = connectTo(peer()).pipe(
      withClient((client) =>
        client.session().pipe(
          withClient((session) => {
            session.close();
            return session.exit$;
          }),
        ),
      ),
    );
    await expect(lastValueFrom(missing$)).resolves.toEqual({ kind: 'missing' });
    await expect(runOn(peer(), 'kill -KILL $PPID; sleep 1000')).rejects.toMatchObject({
      kind: 'connection-lost',
    });
  });

  it('changes its keys behind the login, however soon they are worn out', async () => {
    const client$ = connectTo(peer(), { rekey: { bytes: 16 } });
    await expect(lastValueFrom(client$.pipe(exec('echo done'), text()))).resolves.toBe('done\n');
  });

  it('ends a command by unsubscribing', async () => {
    const pid = await firstValueFrom(
      connectTo(peer()).pipe(exec('echo $$; exec sleep 1000'), stdout(), map(numberIn)),
    );
    expect(pid).toBeGreaterThan(1);
    await poll(DEADLINE_MS, `process ${pid} did not end`, peer().log, () =>
      isRunning(pid) ? undefined : true,
    );
  });

  it('goes on with the connection when a command was ended', async () => {
    const texts$ = connectTo(peer()).pipe(
      withClient((client) =>
        concat(
          client.exec('yes').pipe(stdout(), take(3), ignoreElements()),
          client.exec('echo still here').pipe(text()),
        ),
      ),
    );
    await expect(lastValueFrom(texts$)).resolves.toBe('still here\n');
  });

  it('ends well when the command does not read its input', async () => {
    const result = await runOn(peer(), 'true', { stdin: patternOf(10 * MIB) });
    expect(result.exit).toEqual({ kind: 'status', status: 0 });
    const closed = await runOn(peer(), 'exec 0<&-; echo no; sleep 0.1; echo more', {
      stdin: patternOf(10 * MIB),
    });
    expect(closed.stdout).toBe('no\nmore\n');
  });

  it('sends variables, of which the allowed ones arrive', async () => {
    const env = { RXSSH_ANSWER: '42', OTHER: 'x' };
    const result = await runOn(peer(), 'echo "$RXSSH_ANSWER,$OTHER"', { env });
    expect(result.stdout).toBe('42,\n');
  });

  it('quotes words for the shell', async () => {
    const words = ["it's", 'a  b', '$HOME', '`id`', '*', '', '-n', '"', '\\', 'ä\n!'];
    const result = await runOn(peer(), ['printf', '<%s>', ...words]);
    expect(result.stdout).toBe(words.map((word) => `<${word}>`).join(''));
  });

  it('gives a terminal to those who ask', async () => {
    const result = await runOn(peer(), 'tty >/dev/null && stty size && echo $TERM', {
      pty: { term: 'vt220', columns: 132, rows: 43 },
    });
    expect(result.stdout).toBe('43 132\r\nvt220\r\n');
  });

  it('splits lines of any length', async () => {
    const lengths$ = connectTo(peer()).pipe(
      exec('head -c 100000 /dev/zero | tr "\\0" x; echo; echo; printf "last"'),
      lines(),
      map((line) => line.length),
      toArray(),
    );
    await expect(lastValueFrom(lengths$)).resolves.toEqual([100_000, 0, 4]);
  });

  it('ends everything when sshd does not answer any more', async () => {
    const error: unknown = await lastValueFrom(
      connectTo(peer(), { keepalive: { interval: 100, countMax: 3 } }).pipe(
        exec('kill -STOP $PPID; sleep 1000'),
      ),
    ).catch((reason: unknown) => reason);
    expect(isSshError(error, 'timeout')).toBe(true);
    expect((error as SshError<'timeout'>).detail.phase).toBe('keepalive');
  });
});

describeWithPeer('sshd', 'OpenSSH sshd with MaxSessions 1', () => {
  const peer = usePeer(() => startSshd({ config: ['MaxSessions 1'] }));

  it('refuses a second session, and the first one goes on', async () => {
    const input = new Subject<Uint8Array>();
    const result = await firstValueFrom(
      connectTo(peer()).pipe(
        withClient(async (client) => {
          const first = client.run('cat; echo end', { stdin: input });
          const second: unknown = await client.run('true').catch((reason: unknown) => reason);
          input.complete();
          return { first: await first, second };
        }),
      ),
    );
    expect(result.first.stdout).toBe('end\n');
    expect(isSshError(result.second, 'channel-open')).toBe(true);
  });

  it('has one command right behind another, though sshd counts the first for a moment longer', async () => {
    const numbers = Array.from({ length: 50 }, (_, number) => String(number));
    const said$ = connectTo(peer()).pipe(
      withClient((client) =>
        from(numbers).pipe(mergeMap((number) => client.exec(['echo', number]).pipe(text()), 1)),
      ),
      toArray(),
    );
    expect(await firstValueFrom(said$)).toEqual(numbers.map((number) => `${number}\n`));
  });
});

function numberIn(output: Uint8Array): number {
  return Number(Buffer.from(output).toString());
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
