/** The demo's files: one goes to an embedded SFTP server and back, with a bar on a terminal, and has to come back as it was. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escapeText, sftp, type SftpClient, type SshClient, type TransferProgress } from 'rxssh';
import {
  concat,
  defer,
  finalize,
  ignoreElements,
  mergeMap,
  type Observable,
  type OperatorFunction,
  tap,
} from 'rxjs';
import type { Screen } from './demo-screen.ts';

const FILE_BYTES = 32 * 1024 * 1024;
const MIB = 1024 * 1024;
const NAME = 'payload.bin';

/** Puts a file, lists it, and gets it back. Emits what is not as it should be. */
export function moveFile(screen: Screen): OperatorFunction<SshClient, readonly string[]> {
  return (client$) =>
    defer(() => mkdtemp(join(tmpdir(), 'rxssh-demo-'))).pipe(
      mergeMap((folder) =>
        client$.pipe(
          sftp((fs) => thereAndBack(fs, folder, screen)),
          finalize(() => void rm(folder, { recursive: true, force: true })),
        ),
      ),
    );
}

function thereAndBack(
  fs: SftpClient,
  folder: string,
  screen: Screen,
): Observable<readonly string[]> {
  const local = join(folder, NAME);
  const back = join(folder, 'back.bin');
  screen.title(`a file of ${String(FILE_BYTES / MIB)} MiB over SFTP, and back`);
  return concat(
    defer(() => writeFile(local, randomBytes(FILE_BYTES))).pipe(ignoreElements()),
    fs.mkdir('/upload'),
    fs.put(local, '/upload/', { confirm: true }).pipe(shown('put', screen)),
    fs.list('/upload').pipe(
      tap(({ longname }) => screen.line(escapeText(longname))),
      ignoreElements(),
    ),
    fs.get(`/upload/${NAME}`, back).pipe(shown('get', screen)),
    defer(async () => {
      const [there, here] = await Promise.all([local, back].map(sha256));
      screen.line(`sha256 ${here ?? ''}: ${here === there ? 'equal' : 'NOT equal'}`);
      return here === there ? [] : ['the file that came back is not the one that was put'];
    }),
  );
}

/** A bar while it runs, and a line at the end. */
function shown(what: string, screen: Screen): OperatorFunction<TransferProgress, never> {
  return (progress$) =>
    progress$.pipe(
      tap(({ state, file, bytes, total = bytes, rate }) => {
        const speed = `${(rate / MIB).toFixed(0)} MiB/s`;
        if (state === 'done') screen.endProgress();
        else screen.progress(bytes, Math.max(1, total), `bytes, ${what} ${file}, ${speed}`);
        if (state === 'done') screen.line(`${what} ${file}: ${String(bytes)} bytes, ${speed}`);
      }),
      ignoreElements(),
    );
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
