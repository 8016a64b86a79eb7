/** What a person may say to the program itself in the middle of a session: `~` and a key, at the beginning of a line. */
import type { OperatorFunction } from 'rxjs';
import { lift } from '../operators/index.ts';
import { UsageError } from './usage.ts';

/** What is asked of the program. */
export type EscapeCommand = 'break' | 'disconnect' | 'help' | 'rekey' | 'suspend';

const CR = 0x0d;
const LF = 0x0a;

const COMMANDS: ReadonlyMap<number, EscapeCommand> = new Map(
  (
    [
      ['.', 'disconnect'],
      ['?', 'help'],
      ['\u001a', 'suspend'],
      ['B', 'break'],
      ['R', 'rekey'],
    ] as const
  ).map(([key, command]) => [key.charCodeAt(0), command]),
);

/** Reads `EscapeChar`: one character, `^` and a letter, or `none`. */
export function escapeCharacter(key: string, value: string): number | 'none' {
  if (value.toLowerCase() === 'none') return 'none';
  if (/^[!-~]$/.test(value)) return value.charCodeAt(0);
  // a letter's control character has its lowest 5 bits
  if (/^\^[@-_a-z]$/.test(value)) return value.charCodeAt(1) & 0x1f;
  throw new UsageError(`${key}: ${JSON.stringify(value)}: expected a character, ^LETTER or none`);
}

/** What `~?` shows; in raw mode a line begins with a return. */
export function escapeHelp(escape: number): string {
  const key =
    escape < 0x20 ? `^${String.fromCharCode(escape + 0x40)}` : String.fromCharCode(escape);
  return [
    `${key}?`,
    'Supported escape sequences:',
    ` ${key}.   - end the connection`,
    ` ${key}B   - send a break`,
    ` ${key}R   - ask for new keys`,
    ` ${key}^Z  - suspend rxssh`,
    ` ${key}?   - this text`,
    ` ${key}${key}   - send the escape character`,
    '(They are recognized at the beginning of a line.)',
    '',
  ].join('\r\n');
}

/**
 * Takes what is meant for the program out of what is typed. A key that means nothing is sent with the escape character in front
 * of it; two escape characters send one.
 *
 * @param escape - code of the escape character
 * @param act - called behind the bytes that were typed before
 */
export function escapes(
  escape: number,
  act: (command: EscapeCommand) => void,
): OperatorFunction<Uint8Array, Uint8Array> {
  return lift((out) => {
    let isLineStart = true;
    let isPending = false;
    /** The command that a byte completes, or the bytes to send for it. */
    const read = (byte: number): EscapeCommand | readonly number[] => {
      if (isPending) {
        isPending = false;
        const command = COMMANDS.get(byte);
        if (command !== undefined) return command;
        isLineStart = byte === CR || byte === LF;
        return byte === escape ? [byte] : [escape, byte];
      }
      isPending = isLineStart && byte === escape;
      if (isPending) return [];
      isLineStart = byte === CR || byte === LF;
      return [byte];
    };
    return {
      next(typed): void {
        let bytes: number[] = [];
        const send = (): void => {
          if (bytes.length > 0) out.next(Uint8Array.from(bytes));
          bytes = [];
        };
        for (const byte of typed) {
          const found = read(byte);
          if (typeof found === 'string') {
            send();
            act(found);
          } else bytes.push(...found);
        }
        send();
      },
    };
  });
}
