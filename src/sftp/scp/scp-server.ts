/** scp's own protocol for a server: what clients speak that do not know SFTP, and `scp -O`. */
import { Observable } from 'rxjs';
import { SshError } from '../../errors.ts';
import { utf8Bytes } from '../../wire/bytes.ts';
import { fileName, type FileName, pathBytes } from '../file-name.ts';
import type { SftpFileSystem } from '../server/file-system.ts';
import { permittedFiles } from '../server/permission.ts';
import { ScpInput } from './scp-input.ts';
import { ScpOutput } from './scp-output.ts';
import { parseScpCommand, type ScpCommand } from './scp-protocol.ts';
import { ScpSink } from './scp-sink.ts';
import { ScpSource } from './scp-source.ts';
import type { SftpServerChannel, SftpServerOptions } from '../server/sftp-server.ts';
import { virtualPath } from '../server/virtual-path.ts';

/** How `scpServer` serves. */
export type ScpServerOptions<S = SftpServerChannel> = Pick<
  SftpServerOptions<S>,
  'permit' | 'readOnly' | 'startFolder'
>;

/**
 * A handler for the commands `scp -t` and `scp -f` that clients run, over a file system as `sftpServer` has it.
 *
 * 1. Files, and folders with -r, both ways; times and modes with -p. Paths are virtual, `~` is the start folder, and
 *    patterns are not expanded: there is no shell.
 * 2. Emits the exit status: 0 when all went well, 1 when something could not be read or written (the client is told what).
 * 3. Throws `unsupported` for any other command, which refuses it. Errors with `protocol` for what is no scp.
 * 4. Unsubscribing stops it; the file that is open is closed.
 *
 * @param fileSystem - what is served, or a function that gives each session its own
 * @param options - what is permitted; those of `sftpServer` will do
 * @example
 * ```ts
 * const files = nodeFileSystem({ root: '/srv/files' });
 * const options = { readOnly: true };
 * const sftp = sftpServer(files, options);
 * listen({ port, hostKeys, authenticate, subsystems: { sftp }, exec: scpServer(files, options) });
 * ```
 */
export function scpServer<S extends SftpServerChannel>(
  fileSystem: SftpFileSystem | ((session: S) => SftpFileSystem),
  options: ScpServerOptions<S> = {},
): (session: S, command: string) => Observable<number> {
  const { readOnly = false, startFolder = '/', permit } = options;
  const start = virtualPath(pathBytes(startFolder));
  return (session, text) => {
    const command = parseScpCommand(text);
    if (command === undefined)
      throw new SshError('unsupported', 'a command that is not scp', { feature: 'exec' });
    const files = typeof fileSystem === 'function' ? fileSystem(session) : fileSystem;
    const served = permittedFiles(files, (operation) => {
      if (readOnly && operation.changes) return false;
      return permit === undefined || permit(operation, session);
    });
    return new Observable((subscriber) => {
      const input = new ScpInput(session.stdin$);
      const output = new ScpOutput(session);
      run(served, command, start, input, output).then(
        () => {
          subscriber.next(output.status);
          subscriber.complete();
        },
        (error: unknown) => {
          if (!subscriber.closed) subscriber.error(error);
        },
      );
      return () => void input.close();
    });
  };
}

function run(
  fileSystem: SftpFileSystem,
  command: ScpCommand,
  start: Uint8Array,
  input: ScpInput,
  output: ScpOutput,
): Promise<void> {
  const paths = command.paths.map((word) => pathOf(word, start));
  if (command.role === 'source')
    return new ScpSource(fileSystem, command, input, output).run(paths);
  const [target = pathOf('', start)] = paths;
  return new ScpSink(fileSystem, command, input, output).run(target);
}

/** The virtual path of a word; the home folder is where relative paths begin. */
function pathOf(word: string, start: Uint8Array): FileName {
  return fileName(virtualPath(utf8Bytes(word.replace(/^~(?=\/|$)/, '.')), start));
}
