/** From words to paths on a server: `~`, patterns, and the folder that one is in. */
import { defer, EMPTY, map, mergeMap, type Observable, of, throwIfEmpty } from 'rxjs';
import {
  type FileAttributes,
  fileName,
  type FileName,
  joinPath,
  type SftpClient,
  StatusCode,
  statusError,
} from '../node.ts';
import { escapePattern, isPattern, plainText } from './sftp-parser.ts';

/** A file that a word stands for. */
export interface RemoteMatch {
  readonly path: FileName;
  /** As it is shown: below the folder that one is in, where it is there. */
  readonly shown: FileName;
  /** Known where a pattern has matched: of the file itself, be it a symbolic link. */
  readonly attributes?: FileAttributes;
}

/** Paths as they are written in one folder of a server. */
export class RemotePaths {
  /** Absolute; empty for the folder in which the server starts. */
  readonly folder: FileName;
  readonly #fs: SftpClient;

  constructor(fs: SftpClient, folder: FileName = fileName(new Uint8Array(0))) {
    this.#fs = fs;
    this.folder = folder;
  }

  /** The path of a name; patterns are none here. */
  of(text: string): FileName {
    return joinPath(this.folder, text === '' ? '.' : text);
  }

  /** Emits the path of a pattern that stands for one name. */
  one(pattern: string): Observable<FileName> {
    return this.#withoutTilde(pattern).pipe(map((rest) => this.of(plainText(rest))));
  }

  /** Emits what a pattern stands for, sorted. A name without anything special is taken as it is, whether it is there or not. */
  matches(pattern: string, operation: string): Observable<RemoteMatch> {
    return this.#withoutTilde(pattern).pipe(
      mergeMap((rest) => {
        if (!isPattern(rest)) return of(this.#match(this.of(plainText(rest))));
        const isAbsolute = rest.startsWith('/') || this.folder.bytes.length === 0;
        const whole = isAbsolute ? rest : `${escapePattern(this.folder.text)}/${rest}`;
        return this.#fs.glob(whole).pipe(
          map(({ path, attributes }) => ({ ...this.#match(path), attributes })),
          throwIfEmpty(() => statusError(StatusCode.NO_SUCH_FILE, operation, { path: rest })),
        );
      }),
    );
  }

  #match(path: FileName): RemoteMatch {
    return { path, shown: below(this.folder, path) };
  }

  #withoutTilde(pattern: string): Observable<string> {
    const [tilde = '', user] = /^~([^/\\*?[{]*)(?=\/|$)/.exec(pattern) ?? [];
    if (user === undefined) return of(pattern);
    return defer(() => this.#fs.expandPath(tilde)).pipe(
      mergeMap(({ text }) => (text === '' ? EMPTY : of(text))),
      map((home) => escapePattern(home) + pattern.slice(tilde.length)),
    );
  }
}

const SLASH = 0x2f;

function below({ bytes: folder }: FileName, path: FileName): FileName {
  const { bytes } = path;
  const length = folder.at(-1) === SLASH ? folder.length : folder.length + 1;
  const isBelow =
    folder.length > 0 &&
    bytes.length > length &&
    bytes[length - 1] === SLASH &&
    Buffer.compare(bytes.subarray(0, folder.length), folder) === 0;
  return isBelow ? fileName(bytes.subarray(length)) : path;
}
