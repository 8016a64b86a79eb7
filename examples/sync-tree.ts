/**
 * Makes a folder of a server what a folder here is: files of another size or time of change are put, the others are passed
 * over; with `--delete`, what is no longer here is removed there.
 *
 *     node sync-tree.js [--delete] LOCAL [USER@]HOST[:PORT] REMOTE
 */
import {
  connect,
  drain,
  escapeText,
  type FileAttributes,
  isDirectory,
  sftp,
  type SftpClient,
  type TreeEntry,
} from 'rxssh';
import {
  concat,
  defer,
  filter,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  mergeMap,
  type Observable,
  reduce,
  tap,
} from 'rxjs';

/** What a server has: attributes by path below the folder. */
type Known = ReadonlyMap<string, FileAttributes>;

/** What was done with one file. */
interface Change {
  readonly what: 'put' | 'removed';
  readonly file: string;
}

/** Emits what it does. */
export function syncTree(
  fs: SftpClient,
  local: string,
  remote: string,
  deletes: boolean,
): Observable<Change> {
  const known$ = fs
    .walk(remote)
    .pipe(reduce((all, { relative, attributes }) => all.set(relative.text, attributes), newMap()));
  const made$ = fs.mkdirp(remote);
  return concat(made$, known$).pipe(
    mergeMap((known) => {
      const here = new Set<string>();
      const isWanted = (entry: TreeEntry): boolean => {
        here.add(entry.relative.text);
        return isDirectory(entry.attributes) || isChanged(entry, known);
      };
      const put$ = fs
        // times are kept, or everything would have changed the next time
        .put(local, remote, { recursive: true, preserve: true, concurrency: 16, filter: isWanted })
        .pipe(
          filter(({ state }) => state === 'done'),
          map(({ file }): Change => ({ what: 'put', file })),
        );
      const removed$ = defer(() => from(gone(known, here))).pipe(
        drain((file) =>
          concat(fs.removeAll(`${remote}/${file}`).pipe(ignoreElements()), [
            { what: 'removed', file } as const,
          ]),
        ),
      );
      return deletes ? concat(put$, removed$) : put$;
    }),
  );
}

function newMap(): Map<string, FileAttributes> {
  return new Map();
}

function isChanged({ relative, attributes }: TreeEntry, known: Known): boolean {
  const there = known.get(relative.text);
  return there?.size !== attributes.size || there?.mtime !== attributes.mtime;
}

/** The topmost of what is there and no longer here: the rest goes with it. */
function gone(known: Known, here: ReadonlySet<string>): readonly string[] {
  const missing = [...known.keys()].filter((file) => !here.has(file));
  const folders = new Set(missing);
  return missing.filter((file) => !folders.has(file.slice(0, Math.max(0, file.lastIndexOf('/')))));
}

const args = process.argv.slice(2);
const deletes = args[0] === '--delete';
const [local, host, remote] = deletes ? args.slice(1) : args;
if (local === undefined || host === undefined || remote === undefined) {
  console.error('usage: sync-tree [--delete] LOCAL [USER@]HOST[:PORT] REMOTE');
  process.exitCode = 2;
} else {
  const change$ = connect(host).pipe(sftp((fs) => syncTree(fs, local, remote, deletes)));
  await lastValueFrom(
    change$.pipe(tap(({ what, file }) => console.log(`${what} ${escapeText(file)}`))),
    { defaultValue: undefined },
  );
}
