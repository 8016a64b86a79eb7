import { describe, expect, it } from '@jest/globals';
import { RequestTable } from '../../../src/sftp/client/request-table.ts';

describe('the table of requests', () => {
  it('finds each by its id, in any order, once', () => {
    const table = new RequestTable<string>();
    const ids = ['a', 'b', 'c'].map((name) => table.add(name));
    expect(ids).toEqual([0, 1, 2]);
    expect(table.take(1)).toBe('b');
    expect(table.take(1)).toBeUndefined();
    expect(table.oldest).toBe(0);
    expect(table.take(0)).toBe('a');
    expect(table.oldest).toBe(2);
    expect(table.takeAll()).toEqual(['c']);
    expect(table.size).toBe(0);
    expect(table.oldest).toBeUndefined();
  });

  it('steps over ids that are in use when it begins again', () => {
    const table = new RequestTable<string>(0xffff_ffff);
    expect(table.add('last')).toBe(0xffff_ffff);
    expect(table.add('first')).toBe(0);
    const other = new RequestTable<string>(0xffff_fffe);
    const ids = ['a', 'b', 'c'].map((name) => other.add(name));
    expect(ids).toEqual([0xffff_fffe, 0xffff_ffff, 0]);
  });

  it('keeps the id of what is overdue until its answer comes', () => {
    const table = new RequestTable<string>(0xffff_ffff);
    table.add('slow');
    expect(table.giveUpOldest()).toBe('slow');
    expect(table.giveUpOldest()).toBeUndefined();
    expect([table.size, table.oldest]).toEqual([0, undefined]);
    // once round
    for (let i = 0; i < 3; i++) table.add('other');
    expect(table.take(0xffff_ffff)).toBe('slow');
    expect(table.take(0xffff_ffff)).toBeUndefined();
    expect(table.takeAll()).toHaveLength(3);
  });
});
