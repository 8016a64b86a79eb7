/**
 * Lists a folder of a host, line by line, and writes what happens on the connection into a file:
 *
 *     node build/examples/list-folder.js [USER@]HOST[:PORT] [FOLDER] [LOGFILE]
 */
import { connect, escapeText, exec, lines, logFile } from 'rxssh';

const [host, folder = '.', file = 'list-folder.log'] = process.argv.slice(2);
if (host === undefined) {
  console.error('usage: list-folder [USER@]HOST[:PORT] [FOLDER] [LOGFILE]');
  process.exitCode = 2;
} else {
  connect(host, { trace: logFile(file) })
    // an array is quoted for the shell there, whatever the folder is called
    .pipe(exec(['ls', '-l', '--', folder]), lines())
    .subscribe({
      next: (line) => console.log(escapeText(line)),
      error: (error: unknown) => {
        console.error(String(error));
        process.exitCode = 1;
      },
    });
}
