/** A shell for machines without terminals to give (`@lydell/node-pty` is optional): it echoes, and knows its size. */
import { type ExitResult, exitWith, type ServerSession } from 'rxssh';
import { concat, concatMap, defer, from, map, merge, type Observable, takeWhile } from 'rxjs';

const PROMPT = '$ ';
const EXIT = 'exit';
const BACKSPACE = '\u007f';

const sizeText = ({ columns = 0, rows = 0 }): string => `${columns} by ${rows}`;

/** What is seen from the first prompt to the last word. */
export function smallShell(session: ServerSession): Observable<ExitResult> {
  return defer(() => {
    const decoder = new TextDecoder();
    const line = { text: '' };
    const key$ = session.stdin$.pipe(
      concatMap((bytes) => from(decoder.decode(bytes, { stream: true }))),
      map((key) => press(session, line, key)),
    );
    const resized$ = session.windowChange$.pipe(
      map((size) => `\r\n[${sizeText(size)}]\r\n${PROMPT}${line.text}`),
    );
    const shown$ = merge(
      concat([`No terminals here, but an echo. Try: size, ${EXIT}\r\n${PROMPT}`], key$, [EXIT]),
      resized$,
    ).pipe(takeWhile((text) => text !== EXIT));
    return session.stdout.pump(shown$).pipe(exitWith(0));
  });
}

function press(session: ServerSession, line: { text: string }, key: string): string {
  if (key === BACKSPACE) {
    if (line.text === '') return '';
    line.text = line.text.slice(0, -1);
    return '\b \b';
  }
  if (key !== '\r') {
    line.text += key;
    return key;
  }
  const command = line.text.trim();
  line.text = '';
  if (command === EXIT) return EXIT;
  return `\r\n${command === 'size' ? sizeText(session.pty ?? {}) : command}\r\n${PROMPT}`;
}
