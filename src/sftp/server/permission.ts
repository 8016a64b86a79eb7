/** Who may do what: the question that a server asks before each operation of a client. */
import { map, Observable, type ObservableInput, switchMap } from 'rxjs';
import { fromInput } from '../../operators/from-input.ts';
import { takeVerdict, type Verdict } from '../../operators/take-verdict.ts';
import type { FileName } from '../file-name.ts';
import type { SftpFile, SftpFileSystem } from './file-system.ts';
import { given } from './server-answers.ts';
import { statusError, StatusCode } from '../status.ts';

/** What a client wants to do, for whoever is asked for permission. */
export interface SftpOperation {
  /** `open`, `stat`, `rename`, `posix-rename`, … */
  readonly name: string;
  /** Would it change anything? An `open` does when it is for writing. */
  readonly changes: boolean;
  /** The virtual paths that it is about; of an open file, the path by which it was opened. */
  readonly paths: readonly FileName[];
}

/** Answers the question; anything but `true` is a no. */
export type Permit = (operation: SftpOperation) => Verdict<boolean>;

/** Does the work when it is permitted; errors with the status PERMISSION_DENIED otherwise. */
export function whenPermitted<T>(
  permit: Permit,
  operation: SftpOperation,
  work: () => ObservableInput<T>,
): Observable<T> {
  return verdictOf(() => permit(operation)).pipe(
    switchMap((isPermitted) => {
      if (!isPermitted) throw statusError(StatusCode.PERMISSION_DENIED, operation.name);
      return fromInput(work());
    }),
  );
}

/** The part of a file system that scp works with, each function behind its question. */
export function permittedFiles(files: SftpFileSystem, permit: Permit): SftpFileSystem {
  const ask =
    (name: string, path: FileName, changes = true) =>
    <T>(work: () => ObservableInput<T>): Observable<T> =>
      whenPermitted(permit, { name, changes, paths: [path] }, work);
  return {
    stat: (path) => ask('stat', path, false)(() => files.stat(path)),
    open: (path, flags, attributes) =>
      ask(
        'open',
        path,
        flags.write,
      )(() => files.open(path, flags, attributes)).pipe(
        map((file) => permittedFile(file, ask('fsetstat', path))),
      ),
    opendir: (path) => ask('opendir', path, false)(() => given(files.opendir?.(path))),
    mkdir: (path, attributes) => ask('mkdir', path)(() => given(files.mkdir?.(path, attributes))),
    setstat: (path, attributes) =>
      ask('setstat', path)(() => given(files.setstat?.(path, attributes))),
  };
}

function permittedFile(
  file: SftpFile,
  ask: <T>(work: () => ObservableInput<T>) => Observable<T>,
): SftpFile {
  return {
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => file.write(bytes, position),
    stat: () => file.stat(),
    setstat: (attributes) => ask(() => file.setstat(attributes)),
    close: () => file.close(),
  };
}

/** Whatever is no `true` is a no. */
function verdictOf(ask: () => Verdict<boolean>): Observable<boolean> {
  return new Observable((subscriber) => {
    const settle = (isPermitted: boolean): void => {
      subscriber.next(isPermitted);
      subscriber.complete();
    };
    const subscription = takeVerdict(
      ask,
      // from JavaScript, anything may come
      (verdict: unknown) => settle(verdict === true),
      (error) => {
        if (error === undefined) settle(false);
        else subscriber.error(error);
      },
    );
    subscriber.add(subscription);
  });
}
