/** rxssh, used as its users use it. */
import { ignoreElements, lastValueFrom, merge, type Observable, reduce, Subject, tap } from 'rxjs';
import { exec, exitStatus, type SshClient, stdout, text, withClient } from 'rxssh';
import {
  CHUNK_BYTES,
  checkBytes,
  COMMANDS,
  type EchoChannel,
  type NodeClient,
  type OpenConnection,
  type SftpBenchClient,
} from '../task.ts';
import { connectTo } from './rxssh-connect.ts';
import { sftpWork } from './rxssh-sftp.ts';

export const client: NodeClient & SftpBenchClient = {
  sftp: sftpWork,

  async download(task, bytes) {
    const count$ = connectTo(task).pipe(
      exec(COMMANDS.download(bytes)),
      stdout(),
      reduce((sum, chunk) => sum + chunk.length, 0),
    );
    checkBytes(await lastValueFrom(count$), bytes);
  },

  async upload(task, bytes) {
    const stdin = chunks(bytes);
    const count$ = connectTo(task).pipe(exec(COMMANDS.upload, { stdin }), text());
    checkBytes(Number(await lastValueFrom(count$)), bytes);
  },

  async connectAndRun(task) {
    checkStatus(await lastValueFrom(connectTo(task).pipe(exec(COMMANDS.nothing), exitStatus())));
  },

  async open(task): Promise<OpenConnection> {
    const { connection, close } = await keep(connectTo(task));
    return {
      run: async () => {
        checkStatus(await lastValueFrom(connection.exec(COMMANDS.nothing).pipe(exitStatus())));
      },
      echo: () => echo(connection),
      close,
    };
  },
};

/** The same chunk again and again: what is measured is the way, not where the bytes come from. */
function* chunks(bytes: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    yield left < CHUNK_BYTES ? chunk.subarray(0, left) : chunk;
  }
}

function keep(
  client$: Observable<SshClient>,
): Promise<{ readonly connection: SshClient; readonly close: () => void }> {
  return new Promise((resolve, reject) => {
    const subscription = client$.subscribe({
      next: (connection) => resolve({ connection, close: () => subscription.unsubscribe() }),
      error: reject,
    });
  });
}

/** A session, for a dialogue: the first byte may be sent when the command runs. */
function echo(connection: SshClient): Promise<EchoChannel> {
  const sent = new Subject<Uint8Array>();
  let received = (): void => {};
  return new Promise((resolve, reject) => {
    const echoed$ = connection.session().pipe(
      withClient((session) => {
        const started$ = session.exec(COMMANDS.echo).pipe(
          tap({
            complete: () =>
              resolve({
                send(byte, then): void {
                  received = then;
                  sent.next(byte);
                },
              }),
          }),
        );
        const sending$ = session.stdin.pump(sent).pipe(ignoreElements());
        return merge(session.stdout$, sending$, started$);
      }),
    );
    echoed$.subscribe({ next: () => received(), error: reject });
  });
}

function checkStatus(status: number): void {
  if (status !== 0) throw new Error(`the command ended with status ${status}`);
}
