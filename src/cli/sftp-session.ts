/** What the commands of `rxssh sftp` share: the server's files, the two folders that one is in, and where to say what. */
import { resolve } from 'node:path';
import { type Observable, tap } from 'rxjs';
import type { SftpClient, SshError } from '../node.ts';
import type { CliIo, Messages, Verbosity } from './io.ts';
import { widthOf } from './sftp-listing.ts';
import type { Arguments } from './sftp-parser.ts';
import { RemotePaths } from './sftp-paths.ts';
import type { Writer } from './writer.ts';

/** A command of `rxssh sftp`. */
export interface SftpCommand {
  /** The first is the one that is shown. */
  readonly names: readonly string[];
  /** What may follow the name. */
  readonly usage: string;
  readonly help: string;
  /** The letters of its options. */
  readonly options?: string;
  /** How many words it takes. */
  readonly words: readonly [least: number, most: number];
  /** What its words are, for completion; the last stands for all that follow. */
  readonly completes?: readonly Side[];
  /** Cold: done when it completes. Errors of files are its own; it may throw too. */
  run(session: SftpSession, args: Arguments): Observable<unknown>;
}

/** Whose files a word names. */
export type Side = 'remote' | 'local';

/** What a session is made of. */
export type SftpSessionParts = Pick<
  SftpSession,
  'fs' | 'io' | 'messages' | 'verbosity' | 'stdout' | 'isInteractive'
>;

/** A dialogue with a server. */
export class SftpSession {
  readonly fs: SftpClient;
  readonly io: CliIo;
  readonly messages: Messages;
  readonly verbosity: Verbosity;
  readonly stdout: Writer;
  /** Is there a person? */
  readonly isInteractive: boolean;
  /** Paths from the folder that one is in, on the server. */
  remote: RemotePaths;
  /** The folder that one is in, here. */
  localFolder = process.cwd();
  showsProgress: boolean;
  /** `bye` was said. */
  isOver = false;
  #ended: SshError | undefined;

  constructor({ fs, io, messages, verbosity, stdout, isInteractive }: SftpSessionParts) {
    this.fs = fs;
    this.io = io;
    this.messages = messages;
    this.verbosity = verbosity;
    this.stdout = stdout;
    this.isInteractive = isInteractive;
    this.showsProgress = isInteractive;
    this.remote = new RemotePaths(fs);
  }

  /** What has ended the connection; `undefined` while it lasts. */
  get ended(): SshError | undefined {
    this.fs.closed$.subscribe((error) => (this.#ended = error)).unsubscribe();
    return this.#ended;
  }

  /** A path of this machine, as it is written in the folder that one is in. */
  local(path: string): string {
    return resolve(this.localFolder, path);
  }

  /** Columns of the terminal, where there is one. */
  get width(): { readonly width?: number } {
    return widthOf(this.io.stdout);
  }

  line(text: string): void {
    this.stdout.write(`${text}\n`);
  }

  /** Writes lines as they come, at the pace of who reads them. */
  lines(line$: Observable<readonly string[]>): Observable<unknown> {
    return line$.pipe(tap((lines) => this.stdout.write(lines.map((line) => `${line}\n`).join(''))));
  }
}
