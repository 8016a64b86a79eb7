/** scp's own protocol for a server: what clients speak that do not know SFTP, and `scp -O`. */
import { Observable } from 'rxjs';
import { SshError } from '../errors.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import { fileName, type FileName } from './file-name.ts';
import type { SftpFileSystem } from './file-system.ts';
import { ScpInput } from './scp-input.ts';
import { ScpOutput } from './scp-output.ts';
import { parseScpCommand, type ScpCommand } from './scp-protocol.ts';
import { ScpSink } from './scp-sink.ts';
import { ScpSource } from './scp-source.ts';
import type { SftpServerChannel } from './sftp-server.ts';
import { virtualPath } from './virtual-path.ts';

/**
 * A handler for the commands `scp -t` and `scp -f` that clients run, over a file system as `sftpServer` has it.
 *
 * 1. Files, and folders with -r, both ways; times and modes with -p. Paths are virtual, `~` is the root, and patterns are
 *    not expanded: there is no shell.
 * 2. Emits the exit status: 0 when all went well, 1 when something could not be read or written (the client is told what).
 * 3. Throws `unsupported` for any other command, which refuses it. Errors with `protocol` for what is no scp.
 * 4. Unsubscribing stops it; the file that is open is closed.
 *
 * @param fileSystem - what is served, or a function that gives each session its own
 * @example
 * ```ts
 * const files = nodeFileSystem({ root: '/srv/files' });
 * listen({ port, hostKeys, authenticate, subsystems: { sftp: sftpServer(files) }, exec: scpServer(files) });
 * ```
 */
export function scpServer<S extends SftpServerChannel>(
  fileSystem: SftpFileSystem | ((session: S) => SftpFileSystem),
): (session: S, command: string) => Observable<number> {
  return (session, text) => {
    const command = parseScpCommand(text);
    if (command === undefined)
      throw new SshError('unsupported', 'a command that is not scp', { feature: 'exec' });
    const served = typeof fileSystem === 'function' ? fileSystem(session) : fileSystem;
    return new Observable((subscriber) => {
      const input = new ScpInput(session.stdin$);
      const output = new ScpOutput(session);
      run(served, command, input, output).then(
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
  input: ScpInput,
  output: ScpOutput,
): Promise<void> {
  const paths = command.paths.map(pathOf);
  if (command.role === 'source')
    return new ScpSource(fileSystem, command, input, output).run(paths);
  const [target = pathOf('')] = paths;
  return new ScpSink(fileSystem, command, input, output).run(target);
}

/** The virtual path of a word; the home folder is the root. */
function pathOf(word: string): FileName {
  return fileName(virtualPath(utf8Bytes(word.replace(/^~(?=\/|$)/, '.'))));
}
