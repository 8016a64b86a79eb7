/** Questions to the person at the terminal: on /dev/tty, whatever stdin and stdout are, one at a time. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { EMPTY, Observable, type Subscriber, Subscription } from 'rxjs';

const TERMINAL = '/dev/tty';
const BACKSPACES = ['\u007f', '\b'];
const ENDS = ['\r', '\n'];
const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const SUSPEND = '\u001a';
const KILL_LINE = '\u0015';
/** Nobody types more. */
const MAX_LENGTH = 4096;

/** Asks, and emits what was typed. */
export interface Prompter {
  /**
   * Cold: asks when its turn has come, emits one line, and completes; completes without one when there is nobody to ask or
   * the input ends. Unsubscribing restores the terminal.
   *
   * @param question - shown as it is: escape what a peer had a hand in
   */
  ask(question: string, options?: { readonly isSecret?: boolean }): Observable<string>;
  /** Takes all questions back and restores the terminal: some are asked for more than one connection, and end with none. */
  close(): void;
}

/** Nobody is there. */
export const nobody: Prompter = {
  ask: () => EMPTY,
  close: () => undefined,
};

/** The terminal that controls this process; `undefined` when there is none. */
export function controllingTerminal(): Prompter | undefined {
  try {
    closeSync(openSync(TERMINAL, 'r+'));
  } catch {
    return undefined;
  }
  return new Turns((question, isSecret) => dialogue(question, isSecret));
}

/** Many connections may have a question: each waits until the one before is answered. */
class Turns implements Prompter {
  readonly #dialogue: (question: string, isSecret: boolean) => Observable<string>;
  readonly #waiting: (() => void)[] = [];
  readonly #open = new Set<Subscriber<string>>();
  #isTaken = false;

  constructor(start: (question: string, isSecret: boolean) => Observable<string>) {
    this.#dialogue = start;
  }

  ask(question: string, { isSecret = false } = {}): Observable<string> {
    return new Observable((subscriber) => {
      const turn = new Subscription();
      let hasTurn = false;
      this.#open.add(subscriber);
      const begin = (): void => {
        hasTurn = true;
        turn.add(
          this.#dialogue(question, isSecret).subscribe({
            next: (line) => subscriber.next(line),
            complete: () => subscriber.complete(),
          }),
        );
      };
      subscriber.add(() => {
        this.#open.delete(subscriber);
        const place = this.#waiting.indexOf(begin);
        if (place >= 0) this.#waiting.splice(place, 1);
        // the terminal is as it was before the next question changes it again
        turn.unsubscribe();
        if (hasTurn) this.#pass();
      });
      if (this.#isTaken) this.#waiting.push(begin);
      else {
        this.#isTaken = true;
        begin();
      }
    });
  }

  close(): void {
    this.#waiting.length = 0;
    for (const subscriber of [...this.#open]) subscriber.complete();
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}

/** One question and its answer. A secret is read in raw mode, so that nothing echoes it; unsubscribing ends that. */
function dialogue(question: string, isSecret: boolean): Observable<string> {
  return new Observable((subscriber) => {
    const file = openSync(TERMINAL, 'r+');
    const input = new ReadStream(file);
    const open = new Subscription(() => {
      if (isSecret) {
        input.setRawMode(false);
        writeSync(file, '\n');
      }
      input.destroy();
    });
    subscriber.add(open);
    const suspend = (): void => {
      input.setRawMode(false);
      process.kill(process.pid, 'SIGTSTP');
      // from here on it goes on, below what was shown meanwhile
      input.setRawMode(true);
      writeSync(file, question);
    };
    // what an answer leads to may be shown at once: not behind the question
    const line = new Line(suspend, (typed) => {
      open.unsubscribe();
      if (typed !== undefined) subscriber.next(typed);
      subscriber.complete();
    });
    if (isSecret) input.setRawMode(true);
    writeSync(file, question);
    input.setEncoding('utf8');
    input.on('data', (text: string) => line.type(text));
    input.on('end', () => subscriber.complete());
    input.on('error', () => subscriber.complete());
  });
}

/** What a terminal in raw mode leaves to the program. */
class Line {
  readonly #suspend: () => void;
  readonly #settle: (line?: string) => void;
  #characters: string[] = [];
  #isOver = false;

  /**
   * @param suspend - stops this process, and asks anew when somebody lets it go on
   * @param settle - called once: with the line, or with nothing when the input has ended before there was one
   */
  constructor(suspend: () => void, settle: (line?: string) => void) {
    this.#suspend = suspend;
    this.#settle = settle;
  }

  type(text: string): void {
    for (const character of text) {
      if (this.#isOver) return;
      this.#take(character);
    }
  }

  #end(line?: string): void {
    this.#isOver = true;
    this.#settle(line);
  }

  #take(character: string): void {
    if (ENDS.includes(character)) {
      this.#end(this.#characters.join(''));
    } else if (character === INTERRUPT) {
      // raw mode makes a character of it; everybody else knows it as the signal
      process.kill(process.pid, 'SIGINT');
    } else if (character === SUSPEND) {
      this.#characters = [];
      this.#suspend();
    } else if (character === END_OF_INPUT) {
      this.#end();
    } else if (character === KILL_LINE) {
      this.#characters = [];
    } else if (BACKSPACES.includes(character)) {
      this.#characters.pop();
    } else if (this.#characters.length < MAX_LENGTH) {
      this.#characters.push(character);
    }
  }
}
