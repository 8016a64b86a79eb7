import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, VirtualTimeScheduler } from 'rxjs';
import type { ExecEvent } from '../../src/client/exec.ts';
import { type Exit, SshError } from '../../src/errors.ts';
import { fanOut } from '../../src/fleet/fan-out.ts';
import { shellStatus } from '../../src/fleet/shell-status.ts';
import { summary } from '../../src/fleet/summary.ts';

const signal = (name: string): Exit => ({
  kind: 'signal',
  signal: name,
  coreDumped: false,
  errorMessage: '',
});

const EXITS: Readonly<Record<string, Exit>> = {
  good: { kind: 'status', status: 0 },
  good2: { kind: 'status', status: 0 },
  seven: { kind: 'status', status: 7 },
  killed: signal('TERM'),
};

describe('summary', () => {
  it('counts hosts by how they ended', async () => {
    const task = (host: string): ExecEvent[] => {
      const exit = EXITS[host];
      if (exit === undefined) throw new SshError('host-key', 'no', {} as never);
      return [{ type: 'exit', exit }];
    };
    const hosts = ['good', 'good2', 'seven', 'killed'];
    expect(await firstValueFrom(fanOut(hosts, task).pipe(summary()))).toMatchObject({
      ...{ hosts: 4, ok: 2, failed: 2, errors: 0, errorsByKind: {}, unfinished: 0 },
      largestStatus: 143,
    });
    const withErrors = fanOut([...hosts, 'x', 'y'], task).pipe(summary());
    expect(await firstValueFrom(withErrors)).toMatchObject({
      ...{ hosts: 6, ok: 2, failed: 2, errors: 2, errorsByKind: { 'host-key': 2 } },
      largestStatus: 255,
    });
  });

  it('is there for no host at all', async () => {
    const scheduler = new VirtualTimeScheduler();
    expect(await firstValueFrom(fanOut([], () => []).pipe(summary({ scheduler })))).toEqual({
      ...{ hosts: 0, ok: 0, failed: 0, errors: 0, errorsByKind: {}, unfinished: 0 },
      ...{ largestStatus: 0, milliseconds: 0 },
    });
  });
});

describe('shellStatus', () => {
  it.each<readonly [exit: Exit, status: number]>([
    [{ kind: 'status', status: 0 }, 0],
    [{ kind: 'status', status: 255 }, 255],
    [{ kind: 'status', status: 256 }, 0],
    [{ kind: 'status', status: 0xffff_ffff }, 255],
    [signal('TERM'), 143],
    [signal('KILL'), 137],
    [signal('constructor'), 255],
    [signal('own@example.org'), 255],
    [{ kind: 'missing' }, 255],
  ])('of %j is %d', (exit, status) => {
    expect(shellStatus(exit)).toBe(status);
  });
});
