import { afterEach, describe, expect, it } from '@jest/globals';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import {
  concat,
  concatMap,
  EMPTY,
  finalize,
  firstValueFrom,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  type OperatorFunction,
  Subject,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import type { ExecEvent } from '../../src/client/exec.ts';
import { describeExit } from '../../src/client/exit-rules.ts';
import { lines } from '../../src/client/lines.ts';
import {
  collect,
  exitStatus,
  output,
  stderr,
  stdout,
  text,
} from '../../src/client/output-operators.ts';
import { exec } from '../../src/client/with-client.ts';
import { isSshError, SshError } from '../../src/errors.ts';
import type { ByteInput } from '../../src/operators/to-byte-stream.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { fromHex, utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import {
  allOf,
  closeEmbedded,
  connected,
  embedded,
  keepOpen,
  respond,
  turn,
} from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';

afterEach(closeEmbedded);

function readable(event: ExecEvent): unknown {
  return event.type === 'exit' ? event : `${event.type} ${utf8Text(event.data)}`;
}

/** A command that says something on both streams and ends as it was told. */
const { client$ } = embedded((session, command) =>
  respond(session, {
    stdout: 'one\ntwo',
    stderr: 'oh\ndear\n',
    exit:
      command === 'killed'
        ? { signal: 'KILL', coreDumped: true, errorMessage: 'gone' }
        : Number(command),
  }),
);

describe('exec', () => {
  it.each([1, undefined])(
    'emits output as it comes and the exit last, in chunks of %s',
    async (chunk) => {
      const small = embedded(
        (session) => respond(session, { stdout: 'out', stderr: 'err', exit: 7 }),
        { wire: chunk === undefined ? {} : { chunk } },
      );
      const events = await lastValueFrom(small.client$.pipe(exec('x'), map(readable), toArray()));
      expect(events).toEqual([
        'stdout out',
        'stderr err',
        { type: 'exit', exit: { kind: 'status', status: 7 } },
      ]);
    },
  );

  it('runs nothing before it is subscribed to, and once for each subscription', async () => {
    let runs = 0;
    const counting = embedded((session) => {
      runs++;
      return respond(session, {});
    });
    const run$ = counting.client$.pipe(exec('x'), exitStatus());
    await turn();
    expect([runs, counting.events]).toEqual([0, []]);
    await Promise.all([lastValueFrom(run$), lastValueFrom(run$)]);
    expect([runs, counting.types().filter((type) => type === 'connection').length]).toEqual([2, 2]);
  });

  it('disconnects when the command has ended', async () => {
    const { client$: short$, types } = embedded((session) => respond(session, {}));
    await lastValueFrom(short$.pipe(exec('x')));
    await turn();
    expect(types().at(-1)).toBe('closed');
  });

  it('sends the command as it is, and words quoted', async () => {
    const commands: string[] = [];
    const listening = embedded((session, command) => {
      commands.push(command);
      return respond(session, {});
    });
    for (const command of ['a  "b"', ['rm', '--', "it's"], 'ünïcode']) {
      await lastValueFrom(listening.client$.pipe(exec(command)));
    }
    expect(commands).toEqual(['a  "b"', `rm -- 'it'\\''s'`, 'ünïcode']);
  });

  it.each([[[]], ['a\0b'], [['a\0']]])(
    'refuses the command %j before it opens a channel',
    async (command) => {
      const { client$: refused$, types } = embedded((session) => respond(session, {}));
      const seen = await allOf(refused$.pipe(exec(command)));
      expect(seen.map(comparable)).toEqual(['SshError config']);
      await turn();
      expect(types()).not.toContain('session');
    },
  );

  it('sets the environment and asks for a terminal first', async () => {
    const seen: unknown[] = [];
    const { client$: pty$ } = embedded(
      (session) => {
        seen.push(Object.fromEntries(session.env), session.pty?.term, session.pty?.columns);
        return respond(session, {});
      },
      { server: { pty: true, acceptEnv: ['LC_*'] } },
    );
    await lastValueFrom(
      pty$.pipe(
        exec('x', { env: { LC_ALL: 'C', SECRET: 'no' }, pty: { term: 'vt100', columns: 33 } }),
      ),
    );
    expect(seen).toEqual([{ LC_ALL: 'C' }, 'vt100', 33]);
  });

  it.each([
    ['a terminal', { pty: true }, 'pty-req'],
    ['the command', {}, 'exec'],
  ])('errors when %s is refused', async (_name, options, request) => {
    const { client$: refused$ } = embedded(() => {
      throw new Error('no');
    });
    const [error] = await allOf(refused$.pipe(exec('x', options)));
    expect(isSshError(error, 'request-refused') && error.detail).toEqual({ request });
  });

  it.each<readonly [string, object, string]>([
    ['terminal modes', { pty: { modes: {} } }, 'SshError config'],
    ['the environment', { env: { A: Symbol('x') } }, 'SshError config'],
  ])('errors, and nothing is uncaught, with rubbish for %s', async (_name, options, error) => {
    const { client$: any$ } = embedded((session) => respond(session, {}), {
      server: { pty: true },
    });
    expect((await allOf(any$.pipe(exec('x', options)))).map(comparable)).toEqual([error]);
  });

  it('errors when no channel is opened, and the connection lives on', async () => {
    const { client$: one$ } = embedded(() => NEVER, { server: { maxSessions: 1 } });
    const client = await connected(one$);
    keepOpen(client.exec('first').subscribe({ error: () => undefined }));
    await turn();
    const seen = await allOf(client.exec('second'));
    expect(seen.map(comparable)).toEqual(['SshError channel-open']);
    expect(client.isClosed).toBe(false);
  });

  it('is connection-lost, and no success, when the connection ends without CLOSE', async () => {
    const { client$: cut$, ends } = embedded((session) =>
      concat(session.stdout.pump('half').pipe(ignoreElements()), NEVER),
    );
    const seen: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      cut$.pipe(exec('dump')).subscribe({
        next: (event) => {
          seen.push(readable(event));
          ends[0]?.destroy();
        },
        error: (error: unknown) => {
          seen.push(comparable(error), isSshError(error) && error.transient);
          resolve();
        },
      });
    });
    await ended;
    // the command has run: another try might run it twice
    expect(seen).toEqual(['stdout half', 'SshError connection-lost', false]);
  });

  it.each([
    [undefined, 'TERM'],
    ['term', 'TERM'],
    ['kill', 'KILL'],
    ['close', undefined],
  ] as const)(
    'unsubscribed with %s sends the signal %s, and closes',
    async (onUnsubscribe, signal) => {
      const told: string[] = [];
      const { client$: long$, types } = embedded((session) => {
        session.signals$.subscribe((name) => told.push(name));
        session.stdin$.subscribe({ complete: () => told.push('EOF'), error: () => undefined });
        return session.stdout.pump('started').pipe(concatMap(() => NEVER));
      });
      const client = await connected(long$);
      const options = { stdin: NEVER, ...(onUnsubscribe === undefined ? {} : { onUnsubscribe }) };
      const running = client.exec('x', options).subscribe(() => running.unsubscribe());
      await turn();
      expect(told[0]).toBe(signal ?? told[0]);
      expect(told.filter((what) => what !== 'EOF')).toEqual(signal === undefined ? [] : [signal]);
      expect([types().at(-1), client.connection.channelCount, client.isClosed]).toEqual([
        'session-closed',
        0,
        false,
      ]);
    },
  );
});

describe('operators that drop the exit', () => {
  const operators = {
    stdout: stdout(),
    stderr: stderr(),
    output: output(),
    text: text(),
    lines: lines(),
  };

  it.each<[keyof typeof operators, unknown[]]>([
    ['stdout', ['one\ntwo']],
    ['stderr', ['oh\ndear\n']],
    ['output', ['one\ntwo', 'oh\ndear\n']],
    ['text', ['one\ntwo']],
    ['lines', ['one', 'two']],
  ])('%s emits what it is for, and completes at status 0', async (name, expected) => {
    const operator = operators[name] as ReturnType<typeof stdout>;
    expect(await allOf(client$.pipe(exec('0'), operator))).toEqual([...expected, 'complete']);
  });

  it.each(Object.keys(operators) as (keyof typeof operators)[])(
    '%s errors at any other, with the end of stderr, behind the output',
    async (name) => {
      const operator = operators[name] as ReturnType<typeof stdout>;
      const seen = await allOf(client$.pipe(exec('7'), operator));
      const error = seen.at(-1);
      expect(isSshError(error, 'exit') && error.detail).toEqual({
        exit: { kind: 'status', status: 7 },
        stderrTail: 'oh\\x0adear',
      });
      expect((error as Error).message).toBe('the command ended with status 7');
      // a text is one value: half of it is none
      expect(seen.length > 1).toBe(name !== 'text');
    },
  );

  it('complete whatever the exit where that was asked for', async () => {
    const ignoreExit = { ignoreExit: true };
    for (const operator of [stdout(ignoreExit), stderr(ignoreExit), output(ignoreExit)]) {
      expect((await allOf(client$.pipe(exec('killed'), operator))).at(-1)).toBe('complete');
    }
    expect(await allOf(client$.pipe(exec('7'), text(ignoreExit)))).toEqual([
      'one\ntwo',
      'complete',
    ]);
    expect(await allOf(client$.pipe(exec('7'), lines(ignoreExit)))).toEqual([
      'one',
      'two',
      'complete',
    ]);
  });

  it('error with a signal, and without a status', async () => {
    const [error] = await allOf(client$.pipe(exec('killed'), text()));
    expect(isSshError(error, 'exit') && error.detail.exit).toEqual({
      kind: 'signal',
      signal: 'KILL',
      coreDumped: true,
      errorMessage: 'gone',
    });
    const silent = embedded(() => EMPTY);
    const [missing] = await allOf(silent.client$.pipe(exec('x'), text()));
    expect(isSshError(missing, 'exit') && missing.detail.exit).toEqual({ kind: 'missing' });
  });

  it('show 4096 bytes of stderr at most, and no control characters', async () => {
    const loud = embedded((session) =>
      respond(session, { stderr: `${'x'.repeat(20_000)}\u001b[2Jend`, exit: 1 }),
    );
    const [error] = await allOf(loud.client$.pipe(exec('x'), stdout()));
    const { stderrTail } = (error as SshError<'exit'>).detail;
    expect(stderrTail).toBe(`${'x'.repeat(4096 - '\u001b[2Jend'.length)}\\x1b[2Jend`);
  });

  it('say an exit in words', () => {
    expect([
      describeExit({ kind: 'status', status: 3 }),
      describeExit({ kind: 'signal', signal: 'TERM', coreDumped: false, errorMessage: '' }),
      describeExit({ kind: 'missing' }),
    ]).toEqual([
      'ended with status 3',
      'was killed by signal TERM',
      'ended without an exit status',
    ]);
  });
});

describe('exitStatus', () => {
  it.each([0, 7, 255, 2 ** 32 - 1])('is %s', async (status) => {
    expect(await allOf(client$.pipe(exec(String(status)), exitStatus()))).toEqual([
      status,
      'complete',
    ]);
  });

  it('errors for a signal, and for no status', async () => {
    const [error] = await allOf(client$.pipe(exec('killed'), exitStatus()));
    expect(isSshError(error, 'exit') && [error.detail.exit.kind, error.detail.stderrTail]).toEqual([
      'signal',
      'oh\\x0adear',
    ]);
    const silent = embedded(() => EMPTY);
    expect((await allOf(silent.client$.pipe(exec('x'), exitStatus()))).map(comparable)).toEqual([
      'SshError exit',
    ]);
  });
});

describe('collect', () => {
  it('is everything, whatever the exit', async () => {
    expect(await lastValueFrom(client$.pipe(exec('7'), collect()))).toEqual({
      stdout: 'one\ntwo',
      stderr: 'oh\ndear\n',
      stdoutBytes: utf8Bytes('one\ntwo'),
      stderrBytes: utf8Bytes('oh\ndear\n'),
      exit: { kind: 'status', status: 7 },
    });
  });

  it('is bounded, stdout and stderr together', async () => {
    const fits = await allOf(client$.pipe(exec('0'), collect({ maxBytes: 15 })));
    expect(fits.at(-1)).toBe('complete');
    const [error] = await allOf(client$.pipe(exec('0'), collect({ maxBytes: 14 })));
    expect(isSshError(error, 'overflow') && error.detail).toEqual({
      what: 'collected output',
      limit: 14,
    });
    expect((await allOf(client$.pipe(exec('0'), text({ maxBytes: 6 })))).map(comparable)).toEqual([
      'SshError overflow',
    ]);
  });

  it.each<readonly [string, string, OperatorFunction<ExecEvent, unknown>]>([
    ['it', 'maxBytes', collect({ maxBytes: Number.NaN })],
    ['text', 'maxBytes', text({ maxBytes: -1 })],
    ['lines', 'maxLength', lines({ maxLength: Number.NaN })],
  ])('is an error where a limit is none: of %s, %s', async (_, option, operator) => {
    const [error] = await allOf(client$.pipe(exec('0'), operator));
    expect(isSshError(error, 'config') && error.detail).toEqual({ option });
  });

  it('does not take a hundred times the size of tiny pieces', async () => {
    const tiny$ = from(
      Array.from(
        { length: 200_000 },
        (_, at) => ({ type: 'stdout', data: Uint8Array.of(at) }) as const,
      ),
    );
    const held = merge(tiny$, NEVER).pipe(collect()).subscribe();
    keepOpen(held);
    const before = process.memoryUsage();
    const more = merge(tinyPieces(400_000), NEVER).pipe(collect()).subscribe();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(
      100 * 1024 * 1024,
    );
    more.unsubscribe();
  });
});

function tinyPieces(count: number): Observable<ExecEvent> {
  return from(
    (function* (): Generator<ExecEvent> {
      for (let at = 0; at < count; at++) yield { type: 'stdout', data: Uint8Array.of(at) };
    })(),
  );
}

describe('lines', () => {
  it('say which stream they came on', async () => {
    const events = await lastValueFrom(client$.pipe(exec('0'), lines({ tagged: true }), toArray()));
    expect(events.filter(({ type }) => type === 'stdout').map(({ line }) => line)).toEqual([
      'one',
      'two',
    ]);
    expect(events.filter(({ type }) => type === 'stderr').map(({ line }) => line)).toEqual([
      'oh',
      'dear',
    ]);
  });

  it('keep the streams apart within a line', async () => {
    const event$ = from<ExecEvent[]>([
      { type: 'stdout', data: utf8Bytes('a') },
      { type: 'stderr', data: utf8Bytes('x') },
      { type: 'stdout', data: utf8Bytes('b\r\nc') },
      { type: 'stderr', data: utf8Bytes('y\n') },
      { type: 'exit', exit: { kind: 'status', status: 0 } },
    ]);
    expect(await lastValueFrom(event$.pipe(lines({ tagged: true }), toArray()))).toEqual([
      { type: 'stdout', line: 'ab' },
      { type: 'stderr', line: 'xy' },
      { type: 'stdout', line: 'c' },
    ]);
  });

  it('come from plain bytes too', async () => {
    const bytes$ = of(utf8Bytes('a\nb'), utf8Bytes('c\n'));
    expect(await lastValueFrom(bytes$.pipe(lines(), toArray()))).toEqual(['a', 'bc']);
  });

  it('are all there before the exit’s error', async () => {
    const seen = await allOf(client$.pipe(exec('7'), lines({ tagged: true })));
    expect(seen).toHaveLength(5);
    expect(isSshError(seen.at(-1), 'exit')).toBe(true);
  });

  it('reads text and lines in other encodings, and with CR', async () => {
    const { client$ } = embedded((session) =>
      respond(session, { stdout: fromHex('63 61 66 e9 0d 78 0d 0a 79') }),
    );
    const read = (operator: OperatorFunction<ExecEvent, string>): Promise<unknown[]> =>
      allOf(client$.pipe(exec('x'), operator));
    expect(await read(text({ encoding: 'latin1' }))).toEqual(['café\rx\r\ny', 'complete']);
    expect(await read(lines({ encoding: 'latin1', universal: true }))).toEqual([
      ...['café', 'x', 'y', 'complete'],
    ]);
  });

  it('dials nobody for an encoding that there is none of', async () => {
    const { client$, ends } = embedded((session) => respond(session, {}));
    for (const operator of [text({ encoding: 'x-none' }), lines({ encoding: 'x-none' })])
      expect((await allOf(client$.pipe(exec('x'), operator))).map(comparable)).toEqual([
        'SshError config',
      ]);
    expect(ends).toEqual([]);
  });

  it('have a maximum length', async () => {
    expect((await allOf(client$.pipe(exec('0'), lines({ maxLength: 2 })))).map(comparable)).toEqual(
      ['SshError overflow'],
    );
  });
});

describe('stdin', () => {
  const { client$: cat$ } = embedded((session) =>
    session.stdout.pump(session.stdin$).pipe(exitWith(0)),
  );

  async function* asyncChunks(): AsyncGenerator<Uint8Array> {
    yield utf8Bytes('he');
    await turn();
    yield utf8Bytes('llo');
  }

  it.each<[string, () => ByteInput]>([
    ['a string', () => 'hello'],
    ['bytes', () => utf8Bytes('hello')],
    ['an iterable', () => ['he', utf8Bytes('llo')]],
    ['an async iterable', asyncChunks],
    ['a Node stream', () => Readable.from([Buffer.from('he'), Buffer.from('llo')])],
    ['a web stream', () => new Blob(['hello']).stream()],
    ['an Observable', () => of('he', utf8Bytes('llo'))],
    ['a promise', () => Promise.resolve('hello')],
    ['the output of another command', () => cat$.pipe(exec('cat', { stdin: 'hello' }), stdout())],
  ])('may be %s', async (_name, stdin) => {
    expect(await lastValueFrom(cat$.pipe(exec('cat', { stdin: stdin() }), text()))).toBe('hello');
  });

  it('is empty when there is none', async () => {
    expect(await lastValueFrom(cat$.pipe(exec('cat'), text()))).toBe('');
  });

  it('may be longer than the command reads', async () => {
    const head = embedded((session) => session.stdin$.pipe(concatMap(() => of(0))));
    const endless = {
      *[Symbol.iterator]() {
        for (;;) yield new Uint8Array(32 * 1024);
      },
    };
    expect(
      await lastValueFrom(head.client$.pipe(exec('head', { stdin: endless }), exitStatus())),
    ).toBe(0);
  });

  it('is let go when the command says that it reads no more (eow@openssh.com)', async () => {
    const told: string[] = [];
    const input$ = concat(of('first'), NEVER).pipe(finalize(() => told.push('let go')));
    const deaf = embedded(async (session) => {
      await firstValueFrom(session.stdin$);
      session.channel.notify('eow@openssh.com');
      await turn();
      await turn();
      told.push('still running');
      return 0;
    });
    const status$ = deaf.client$.pipe(exec('deaf', { stdin: input$ }), exitStatus());
    expect(await lastValueFrom(status$)).toBe(0);
    expect(told).toEqual(['let go', 'still running']);
  });

  it.each([5, null, [5]])('is no %j', async (stdin) => {
    const seen = await allOf(cat$.pipe(exec('cat', { stdin: stdin as unknown as ByteInput })));
    expect(seen.map(comparable)).toEqual(['SshError config']);
  });

  it.each<[string, unknown]>([
    ['an error of its own', new Error('half a dump')],
    [
      'an error that looks like the end of a channel',
      new SshError('released', 'let go', { what: 'channel' }),
    ],
    [
      'what a failed command says',
      new SshError('exit', 'no', { exit: { kind: 'missing' }, stderrTail: '' }),
    ],
  ])(
    'that fails with %s ends the command without EOF, and the error passes on',
    async (_name, failure) => {
      const told: string[] = [];
      const { client$: restore$, types } = embedded((session) => {
        keepOpen(session.signals$.subscribe((name) => told.push(`signal ${name}`)));
        const note = tap<Uint8Array>({
          next: (data) => told.push(utf8Text(data)),
          complete: () => told.push('end of input'),
        });
        return session.stdin$.pipe(note, exitWith(0));
      });
      const client = await connected(restore$);
      const stdin = concat(
        of('half'),
        throwError(() => failure),
      );
      expect(await allOf(client.exec('restore', { stdin }))).toEqual([failure]);
      await turn();
      // the signal comes before a server would close the command's input
      expect(told).toEqual(['half', 'signal TERM']);
      expect(types().slice(-2)).toEqual(['exec', 'session-closed']);
    },
  );

  it('that breaks before anybody is connected is told behind the request, and ends no process', async () => {
    const file = createReadStream('/there/is/no/such/file');
    const cat$ = embedded((session) => session.stdin$.pipe(exitWith(0))).client$;
    const run = exec('cat', { stdin: file });
    await new Promise<void>((resolve) => file.once('close', resolve));
    expect(await allOf(cat$.pipe(run))).toMatchObject([{ code: 'ENOENT' }]);
  });

  it('stops its source when the command has ended', async () => {
    const source = new Subject<string>();
    const short = embedded((session) => respond(session, {}));
    const client = await connected(short.client$);
    await lastValueFrom(client.exec('x', { stdin: source }));
    await turn();
    expect(source.observed).toBe(false);
  });

  it('that is hot and too fast is an overflow, and never silently unbounded', async () => {
    const source = new Subject<Uint8Array>();
    const deaf = embedded(() => NEVER);
    const client = await connected(deaf.client$);
    const seen = allOf(client.exec('x', { stdin: source }));
    await turn();
    for (let round = 0; round < 200; round++) source.next(new Uint8Array(64 * 1024));
    expect((await seen).map(comparable)).toEqual(['SshError overflow']);
  });
});
