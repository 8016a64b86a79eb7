import { describe, expect, it } from '@jest/globals';
import { concat, from, lastValueFrom, type Observable, Subject, throwError, toArray } from 'rxjs';
import { SshError } from '../../src/errors.ts';
import type { FleetEvent, HostEvent } from '../../src/fleet/fleet-event.ts';
import { gather, type FleetGroup } from '../../src/fleet/gather.ts';
import { memoryInUse } from '../support/memory.ts';

const HOSTS = ['a', 'b', 'c', 'd'];

const of = (index: number, event: HostEvent): FleetEvent => ({
  host: HOSTS[index] ?? '',
  target: HOSTS[index],
  index,
  event,
});
const output = (index: number, text: string, type: 'stdout' | 'stderr' = 'stdout'): FleetEvent =>
  of(index, { type, data: Buffer.from(text) });
const exit = (index: number, status: number): readonly FleetEvent[] => [
  of(index, { type: 'exit', exit: { kind: 'status', status } }),
  done(index),
];
const done = (index: number): FleetEvent =>
  of(index, { type: 'done', attempts: 1, milliseconds: 1 });
const failed = (index: number, error: SshError): readonly FleetEvent[] => [
  of(index, { type: 'error', error }),
  done(index),
];

function gathered(
  events: readonly FleetEvent[] | Observable<FleetEvent>,
  options = {},
): Promise<FleetGroup[]> {
  return lastValueFrom(from(events).pipe(gather(options), toArray()));
}

const short = ({ hosts, stdout, stderr, exit: how, errors }: FleetGroup): unknown[] => [
  hosts.join(),
  stdout,
  stderr,
  how?.kind === 'status' ? how.status : (errors[0]?.kind ?? how?.kind),
];

describe('gather', () => {
  it('puts hosts with equal output and exit together, the largest group first', async () => {
    const groups = await gathered([
      output(0, 'other'),
      output(1, 'sa'),
      output(2, 'same'),
      ...exit(0, 0),
      output(1, 'me'),
      ...exit(2, 0),
      ...exit(1, 0),
    ]);
    expect(groups.map(short)).toEqual([
      ['b,c', 'same', '', 0],
      ['a', 'other', '', 0],
    ]);
  });

  it('keeps stdout and stderr apart, and exits', async () => {
    const groups = await gathered([
      output(0, 'x'),
      ...exit(0, 0),
      output(1, 'x', 'stderr'),
      ...exit(1, 0),
      output(2, 'x'),
      ...exit(2, 7),
    ]);
    expect(groups.map(short)).toEqual([
      ['a', 'x', '', 0],
      ['b', '', 'x', 0],
      ['c', 'x', '', 7],
    ]);
  });

  it('does not mind how stdout and stderr were interleaved', async () => {
    const groups = await gathered([
      output(0, 'o'),
      output(0, 'e', 'stderr'),
      output(0, 'o'),
      ...exit(0, 0),
      output(1, 'e', 'stderr'),
      output(1, 'oo'),
      ...exit(1, 0),
    ]);
    expect(groups.map(short)).toEqual([['a,b', 'oo', 'e', 0]]);
  });

  it('groups errors by kind and by the output before them, with each message', async () => {
    const gone = (host: string): SshError => new SshError('connection-lost', `${host} gone`, {});
    const groups = await gathered([
      ...failed(0, gone('a')),
      output(1, 'half'),
      ...failed(1, gone('b')),
      ...failed(2, gone('c')),
    ]);
    expect(groups.map(short)).toEqual([
      ['a,c', '', '', 'connection-lost'],
      ['b', 'half', '', 'connection-lost'],
    ]);
    expect(groups[0]?.errors.map(({ message }) => message)).toEqual(['a gone', 'c gone']);
  });

  it('keeps single bytes at the price of their bytes', async () => {
    const before = await memoryInUse();
    const source = new Subject<FleetEvent>();
    const groups = lastValueFrom(source.pipe(gather(), toArray()));
    const bytes = 256 * 1024;
    for (let at = 0; at < bytes; at++)
      source.next(of(0, { type: 'stdout', data: Uint8Array.of(0x61) }));
    // an array for each byte would be thirty MiB
    expect((await memoryInUse()) - before).toBeLessThan(8 * 1024 * 1024);
    for (const event of exit(0, 0)) source.next(event);
    source.complete();
    expect((await groups)[0]?.stdout).toBe('a'.repeat(bytes));
  });

  it('has a group of `overflow` for hosts with too much output', async () => {
    const groups = await gathered(
      [
        output(0, '12345'),
        output(0, '6', 'stderr'),
        output(0, '7'),
        ...exit(0, 0),
        output(1, '12345'),
        ...exit(1, 0),
      ],
      { maxBytes: 5 },
    );
    expect(groups.map(short)).toEqual([
      ['a', '', '', 'overflow'],
      ['b', '12345', '', 0],
    ]);
    expect(groups[0]?.errors[0]?.detail).toEqual({ what: 'gathered output', limit: 5 });
  });

  it('leaves out hosts that are not done', async () => {
    expect(await gathered([output(0, 'x')])).toEqual([]);
  });

  it('emits what it has before an error', async () => {
    const seen: unknown[] = [];
    const failure = new Error('over');
    concat(
      from(exit(0, 0)),
      throwError(() => failure),
    )
      .pipe(gather())
      .subscribe({
        next: (group) => seen.push(group.hosts),
        error: (error: unknown) => seen.push(error),
      });
    expect(seen).toEqual([['a'], failure]);
  });
});
