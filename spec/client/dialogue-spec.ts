/** Waiting for what a program says, and answering it. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  Subject,
  VirtualTimeScheduler,
} from 'rxjs';
import type { ChannelOutput } from '../../src/channels/backlog.ts';
import { Dialogue, type Found } from '../../src/client/dialogue.ts';
import { session } from '../../src/client/with-client.ts';
import { isSshError } from '../../src/errors.ts';
import { deliver } from '../../src/operators/credit.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { allOf, closeEmbedded, embedded } from '../support/embedded.ts';

afterEach(closeEmbedded);

/** A dialogue with somebody who says what the test says. */
function talk(): {
  readonly dialogue: Dialogue;
  /** Says something; is its credit back? */
  say(text: string | Uint8Array): () => boolean;
  readonly output: Subject<ChannelOutput>;
  readonly heard: string[];
} {
  const output = new Subject<ChannelOutput>();
  const heard: string[] = [];
  const stdin = {
    pump: (reply: unknown) => {
      heard.push(String(reply));
      return of(1);
    },
  };
  const say = (text: string | Uint8Array): (() => boolean) => {
    let isBack = false;
    const data = typeof text === 'string' ? utf8Bytes(text) : text;
    deliver(output, { type: 'stdout', data }, () => (isBack = true));
    return () => isBack;
  };
  return { dialogue: new Dialogue({ output$: output, stdin }), say, output, heard };
}

function watch(found$: Observable<Found>): unknown[] {
  const seen: unknown[] = [];
  found$.subscribe({
    next: ({ before, match }) => seen.push([before, ...match]),
    error: (error: unknown) => seen.push(isSshError(error) ? error.kind : error),
    complete: () => seen.push('complete'),
  });
  return seen;
}

describe('Dialogue', () => {
  it.each(['login: ', /log(in): /, /log(in): /g, /log(in): /y])(
    'finds %s however it is cut, characters too',
    (pattern) => {
      const { dialogue, say } = talk();
      const seen = watch(dialogue.waitFor(pattern));
      for (const byte of utf8Bytes('é login: ')) say(Uint8Array.of(byte));
      const groups = typeof pattern === 'string' ? [] : ['in'];
      expect(seen).toEqual([['é ', 'login: ', ...groups], 'complete']);
    },
  );

  it('puts a character together that stderr has come between', () => {
    const { dialogue, say, output } = talk();
    const seen = watch(dialogue.waitFor('é'));
    const [first = 0, second = 0] = utf8Bytes('é');
    say(Uint8Array.of(first));
    output.next({ type: 'stderr', data: utf8Bytes('warning ') });
    say(Uint8Array.of(second));
    expect(seen).toEqual([['warning ', 'é'], 'complete']);
  });

  it('keeps what follows for the next wait, and reads nothing on in between', () => {
    const { dialogue, say } = talk();
    const first = watch(dialogue.waitFor('one'));
    expect(say('zero ')()).toBe(true);
    const isBack = say('one two three');
    expect(first).toEqual([['zero ', 'one'], 'complete']);
    expect(isBack()).toBe(false);
    expect(watch(dialogue.waitFor(/t(w)o/))).toEqual([[' ', 'two', 'w'], 'complete']);
    expect(isBack()).toBe(false);
    const last = watch(dialogue.waitFor('four'));
    expect(isBack()).toBe(true);
    say(' four');
    expect(last).toEqual([[' three ', 'four'], 'complete']);
  });

  it('answers', () => {
    const { dialogue, say, heard } = talk();
    const seen = watch(concat(dialogue.answer('name: ', 'a\n'), dialogue.answer(': ', 'b\n')));
    say('name: ');
    expect(heard).toEqual(['a\n']);
    say('password: ');
    expect(heard).toEqual(['a\n', 'b\n']);
    expect(seen).toEqual([['', 'name: '], ['password', ': '], 'complete']);
  });

  it('errors with timeout, and the text is still there', () => {
    const { dialogue, say } = talk();
    const scheduler = new VirtualTimeScheduler();
    const seen = watch(dialogue.waitFor('b', { timeout: 10, scheduler }));
    say('a');
    scheduler.flush();
    expect([seen, scheduler.now()]).toEqual([['timeout'], 10]);
    const again = watch(dialogue.waitFor('ab', { timeout: 0 }));
    say('b');
    expect(again).toEqual([['', 'ab'], 'complete']);
  });

  it('errors with overflow, released at the end, config for two at a time, and what broke', () => {
    const long = talk();
    const overflow = watch(long.dialogue.waitFor('b', { maxLength: 3, timeout: 0 }));
    long.say('aaa');
    expect(overflow).toEqual([]);
    long.say('a');
    expect(overflow).toEqual(['overflow']);

    const short = talk();
    const both = watch(short.dialogue.waitFor('b', { timeout: 0 }));
    expect(watch(short.dialogue.waitFor('b'))).toEqual(['config']);
    short.output.complete();
    expect(both).toEqual(['released']);
    expect(watch(short.dialogue.waitFor('b'))).toEqual(['released']);

    const broken = talk();
    const error = watch(broken.dialogue.waitFor('b', { timeout: 0 }));
    broken.output.error(new Error('broken'));
    expect(error).toEqual([new Error('broken')]);
  });

  it('talks to a session', async () => {
    const { client$ } = embedded((asked) =>
      merge(
        asked.stdout.pump('name: ', { end: false }).pipe(ignoreElements()),
        asked.stdout
          .pump(asked.stdin$.pipe(map((typed) => `hello ${utf8Text(typed)}`)), { end: false })
          .pipe(ignoreElements()),
        NEVER,
      ),
    );
    const work$ = client$.pipe(
      session((opened) => {
        const dialogue = new Dialogue(opened);
        return concat(
          opened.exec('greet'),
          dialogue.answer('name: ', 'bob\n'),
          dialogue.waitFor(/hello (\w+)\n/),
        );
      }),
    );
    expect(await allOf(work$)).toEqual([
      { before: '', match: ['name: '] },
      { before: '', match: ['hello bob\n', 'bob'] },
      'complete',
    ]);
  });
});
