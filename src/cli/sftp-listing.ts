/** What a listing looks like: in columns, one a line, or long. */
import { catchError, filter, map, type Observable, of } from 'rxjs';
import {
  batch,
  drain,
  type FileAttributes,
  type FileEntry,
  listingLine,
  type SftpClient,
} from '../node.ts';
import type { CliOutput } from './io.ts';
import { shownName } from './sftp-connection.ts';

/** One file of a listing. */
export type ListedFile = Pick<FileEntry, 'name' | 'attributes'>;

/** How files are listed. */
export interface ListingOptions {
  /** With permissions, owner, size and time. */
  readonly isLong?: boolean;
  /** Those too whose names begin with a dot. */
  readonly isAll?: boolean;
  /** Numbers of owners and groups, not their names. */
  readonly isNumeric?: boolean;
  /** By name unless said otherwise. `none` is the server's order. */
  readonly sort?: 'name' | 'size' | 'time' | 'none';
  readonly isReversed?: boolean;
  /** Width of the terminal, for columns; without it each name has a line. */
  readonly width?: number;
}

/** Names of owners and groups by their numbers. */
interface OwnerNames {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

/** Files that are sorted together: of a larger folder, one lot is shown behind the other. */
const MOST_SORTED = 50_000;
/** Numbers that are asked for at a time. */
const MOST_IDS = 1_000;
const GAP = 2;
const DEFAULT_COLUMNS = 80;
const NOBODY: OwnerNames = { users: new Map(), groups: new Map() };

/** The lines of a listing, many at a time, with credit. */
export function listing(
  fs: SftpClient,
  files$: Observable<ListedFile>,
  options: ListingOptions,
): Observable<readonly string[]> {
  return files$.pipe(
    filter((file) => options.isAll === true || !isHidden(file)),
    batch(MOST_SORTED),
    drain((files) =>
      ownerNames(fs, files, options).pipe(map((names) => shownLines(files, options, names))),
    ),
  );
}

/** The width of a terminal, for columns; nothing where there is none. */
export function widthOf({ isTTY, columns = 0 }: CliOutput): Pick<ListingOptions, 'width'> {
  // a terminal without a size says 0
  return isTTY === true ? { width: columns > 0 ? columns : DEFAULT_COLUMNS } : {};
}

/** Does its name begin with a dot? */
export function isHidden({ name }: ListedFile): boolean {
  return name.text.startsWith('.');
}

/** The lines for some files. */
function shownLines(
  files: readonly ListedFile[],
  options: ListingOptions,
  names: OwnerNames = NOBODY,
): readonly string[] {
  const sorted = sort(files, options);
  if (options.isLong === true) return sorted.map((file) => longLine(file, names));
  const shown = sorted.map(({ name }) => shownName(name.text));
  return options.width === undefined ? shown : inColumns(shown, options.width);
}

function longLine({ name, attributes }: ListedFile, { users, groups }: OwnerNames): string {
  const owner = attributes.uid === undefined ? undefined : users.get(attributes.uid);
  const group = attributes.gid === undefined ? undefined : groups.get(attributes.gid);
  return listingLine(shownName(name.text), attributes, {
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
  });
}

function sort(
  files: readonly ListedFile[],
  { sort: by = 'name', isReversed = false }: ListingOptions,
): readonly ListedFile[] {
  const sorted = by === 'none' ? [...files] : [...files].sort(ORDERS[by]);
  return isReversed ? sorted.reverse() : sorted;
}

type Order = (a: ListedFile, b: ListedFile) => number;

const byName: Order = (a, b) => Buffer.compare(a.name.bytes, b.name.bytes);
const largest =
  (field: keyof Pick<FileAttributes, 'size' | 'mtime'>): Order =>
  (a, b) =>
    (b.attributes[field] ?? 0) - (a.attributes[field] ?? 0) || byName(a, b);

const ORDERS: Readonly<Record<'name' | 'size' | 'time', Order>> = {
  name: byName,
  size: largest('size'),
  time: largest('mtime'),
};

/** Names below one another, as many columns as fit. */
function inColumns(names: readonly string[], width: number): readonly string[] {
  const widest = names.reduce((most, name) => Math.max(most, lengthOf(name)), 0) + GAP;
  const columns = Math.max(1, Math.floor((width + GAP) / widest));
  const rows = Math.ceil(names.length / columns);
  return Array.from({ length: rows }, (_, row) => {
    const line = Array.from({ length: columns }, (__, column) => names[column * rows + row] ?? '');
    return line
      .map((name) => name + ' '.repeat(widest - lengthOf(name)))
      .join('')
      .trimEnd();
  });
}

/** Characters of another width than one column are few, and cost a ragged edge. */
function lengthOf(name: string): number {
  return Array.from(name).length;
}

/** Where the server tells no names, there are numbers. */
function ownerNames(
  fs: SftpClient,
  files: readonly ListedFile[],
  { isLong = false, isNumeric = false }: ListingOptions,
): Observable<OwnerNames> {
  if (!isLong || isNumeric) return of(NOBODY);
  const uids = distinct(files.map(({ attributes }) => attributes.uid));
  const gids = distinct(files.map(({ attributes }) => attributes.gid));
  if (uids.length + gids.length === 0) return of(NOBODY);
  return fs.usersGroupsById(uids, gids).pipe(
    map(({ users, groups }) => ({ users: named(uids, users), groups: named(gids, groups) })),
    catchError(() => of(NOBODY)),
  );
}

function distinct(ids: readonly (number | undefined)[]): readonly number[] {
  return [...new Set(ids)].filter((id) => id !== undefined).slice(0, MOST_IDS);
}

function named(ids: readonly number[], names: readonly string[]): ReadonlyMap<number, string> {
  const pairs = ids.map((id, index) => [id, shownName(names[index] ?? '')] as const);
  return new Map(pairs.filter(([, name]) => name !== ''));
}
