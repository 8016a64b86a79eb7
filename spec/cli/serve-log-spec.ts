/** Row R14: what a peer can put into the log, and how much. */
import { describe, expect, it } from '@jest/globals';
import { Messages } from '../../src/cli/io.ts';
import { ServeLog } from '../../src/cli/serve-log.ts';
import type { ServerConnection, ServerEvent } from '../../src/server/index.ts';

const peer = { address: '192.0.2.1', port: 4711 };
const connection = { peer, user: undefined } as ServerConnection;

function log(level = 1): {
  readonly tell: (event: ServerEvent) => void;
  readonly lines: () => readonly string[];
  pass(milliseconds: number): void;
} {
  let text = '';
  let now = 1_000_000;
  const stderr = { write: (more: string) => (text += more).length > 0 };
  const messages = new Messages(stderr as never, { level, isQuiet: false });
  const served = new ServeLog(messages, () => now);
  return {
    tell: (event) => served.tell(event),
    lines: () => text.split('\n').slice(0, -1),
    pass: (milliseconds) => (now += milliseconds),
  };
}

const attempt = (user: string, reason?: string): ServerEvent => ({
  type: 'auth-attempt',
  connection,
  attempt: {
    ...{ user, method: 'password', outcome: 'rejected' },
    ...(reason === undefined ? {} : { reason }),
  },
});

describe('The log of serve (R14)', () => {
  it('L3: has one line an event, whatever an error or a name has in it', () => {
    const { tell, lines } = log();
    const error = new Error(`x\n2026 root logged in\u001b[2J${'y'.repeat(1000)}`);
    tell({ type: 'closed', connection, error: error as never });
    tell(attempt('root', 'a\r\nb'));
    expect(lines()).toHaveLength(2);
    expect(lines()[0]).toMatch(/^rxssh: 192\.0\.2\.1 port 4711: closed: x\\x0a2026 root/);
    expect(lines()[0]?.length).toBeLessThan(500);
    expect(lines()[1]).toBe(
      'rxssh: 192.0.2.1 port 4711: password for root was rejected, a\\x0d\\x0ab',
    );
  });

  it('tells of refusals without being asked, of other things when it is', () => {
    const { tell, lines } = log(0);
    tell({ type: 'refused', peer, limit: 'maxStartups' });
    tell(attempt('me'));
    expect(lines()).toEqual(['rxssh: 192.0.2.1 port 4711: refused: maxStartups']);
  });

  it('has no more than two hundred lines in ten seconds, and says how many were left out', () => {
    const { tell, lines, pass } = log();
    for (let i = 0; i < 100_000; i++) tell(attempt('me'));
    expect(lines()).toHaveLength(200);
    expect(lines().at(-1)).toBe('rxssh: too much at once: the rest is counted');
    pass(10_000);
    tell(attempt('you'));
    expect(lines()).toHaveLength(202);
    expect(lines()[200]).toBe('rxssh: 99801 lines were left out');
    pass(10_000);
    tell(attempt('you'));
    expect(lines()).toHaveLength(203);
  });
});
