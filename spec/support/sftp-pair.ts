/** Our SFTP client and our SFTP server, on a wire in memory. */
import { lastValueFrom, NEVER, type Observable, toArray } from 'rxjs';
import type { SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { openSftp, type SftpOptions } from '../../src/sftp/client/open-sftp.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import { sftpServer, type SftpServerOptions } from '../../src/sftp/server/sftp-server.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { byteSink, type ByteSink } from '../../src/streams/byte-sink.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { keepOpen, turn } from './embedded.ts';

/** A client of a server that serves these files, open until the end of the test. */
export function clientOf(
  files: SftpFileSystem,
  server: SftpServerOptions = {},
  client: SftpOptions = {},
): Promise<SftpClient> {
  const [near, far] = memoryPair();
  const stdout = sinkOf(far);
  keepOpen(
    sftpServer(files, server)({ stdin$: far.readable$, stdout }).subscribe({ error: () => {} }),
  );
  return new Promise((resolve, reject) => {
    keepOpen(openSftp(near, client).subscribe({ next: resolve, error: reject }));
  });
}

/** A sink that writes to one end of a wire. */
export function sinkOf(duplex: ByteDuplex): ByteSink {
  return byteSink({
    closed$: NEVER,
    accept: (bytes) => {
      duplex.write(bytes.slice(), () => {});
      return bytes.length;
    },
    whenReady: () => {},
    end: () => duplex.end(),
    abort: () => duplex.destroy(),
  });
}

/** Everything that a stream emits. */
export function allOf<T>(source: Observable<T>): Promise<T[]> {
  return lastValueFrom(source.pipe(toArray()));
}

/** Runs something to its end. */
export async function done(source: Observable<unknown>): Promise<void> {
  await lastValueFrom(source, { defaultValue: undefined });
}

/** Makes folders (names that end with a slash), symbolic links (`[target]`) and files. */
export async function plant(
  fs: SftpClient,
  files: Readonly<Record<string, string | readonly [target: string]>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) await done(planted(fs, path, content));
}

function planted(
  fs: SftpClient,
  path: string,
  content: string | readonly [target: string],
): Observable<unknown> {
  if (typeof content !== 'string') return fs.symlink(content[0], path);
  return path.endsWith('/') ? fs.mkdirp(path) : fs.writeFile(path, content);
}

/** The text of a file. */
export async function textOf(fs: SftpClient, path: string): Promise<string> {
  return utf8Text(await lastValueFrom(fs.readFile(path)));
}

/** Waits for what comes of itself; the test's own deadline ends it otherwise. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}
