import { describe, expect, it } from '@jest/globals';
import { RequestTable } from '../../src/sftp/request-table.ts';

describe('the table of requests', () => {
  it('finds each by its id, in any order, once', () => {
    const table = new RequestTable<string>();
    const ids = ['a', 'b', 'c'].map((name) => table.add(name));
    expect(new Set(ids).size).toBe(3);
    expect(table.take(ids[1] ?? 0)).toBe('b');
    expect(table.take(ids[1] ?? 0)).toBeUndefined();
    expect(table.oldest).toEqual([ids[0], 'a']);
    expect(table.take(ids[0] ?? 0)).toBe('a');
    expect(table.oldest).toEqual([ids[2], 'c']);
    expect(table.takeAll()).toEqual(['c']);
    expect(table.size).toBe(0);
    expect(table.oldest).toBeUndefined();
  });

  it('gives no id a second time while it is in use', () => {
    const table = new RequestTable<number>(0xffff_ffff);
    expect(table.add(1)).toBe(0xffff_ffff);
    expect(table.add(2)).toBe(0);
    const round = new RequestTable<number>(0);
    expect(round.add(1)).toBe(0);
    expect(new RequestTable<number>(0xffff_ffff).add(1)).toBe(0xffff_ffff);
  });

  it('steps over ids that are still in use', () => {
    const table = new RequestTable<string>(0xffff_fffe);
    table.add('old');
    table.add('older');
    const zero = table.add('zero');
    expect(zero).toBe(0);
    expect(table.take(0xffff_fffe)).toBe('old');
    expect(table.take(0xffff_ffff)).toBe('older');
    expect(table.size).toBe(1);
  });
});
