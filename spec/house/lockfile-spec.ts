/**
 * The lockfile works elsewhere: `npm ci` refuses one that lacks a package for another platform (which a registry without that
 * package leaves out in silence), and a mirror must be able to serve it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lockfile = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8'),
) as { readonly packages: Readonly<Record<string, LockedPackage>> };

describe('package-lock.json', () => {
  it('has every optional package, for every platform', () => {
    const present = new Set(
      Object.keys(lockfile.packages).map((path) => path.replace(/^.*node_modules\//, '')),
    );
    const wanted = Object.values(lockfile.packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    expect(wanted.filter((name) => !present.has(name))).toEqual([]);
  });

  it('names no registry', () => {
    expect(
      Object.values(lockfile.packages).filter(({ resolved }) => resolved !== undefined),
    ).toEqual([]);
  });
});
