/**
 * A port of this machine that leads through a host to another one:
 *
 *     node build/examples/forward.js bastion 8080 intranet.internal 80
 */
import {
  connect,
  endpointText,
  escapeText,
  forwardLocal,
  type ForwardedConnection,
  isSshError,
} from 'rxssh';
import { type Observable, retry, throwError, timer } from 'rxjs';

const [bastion, port, host, hostPort] = process.argv.slice(2);
if (bastion === undefined || host === undefined) {
  console.error('usage: forward BASTION PORT HOST HOSTPORT');
  process.exit(2);
}

const tell = (connection: ForwardedConnection): void => {
  const { peer } = connection;
  const who =
    peer === undefined ? 'somebody' : endpointText({ host: peer.address, port: peer.port });
  console.log(`${who} has come`);
  connection.closed$.subscribe((error) => {
    const { bytesSent, bytesReceived } = connection;
    const why = error === undefined ? '' : `: ${escapeText(error.message)}`;
    console.log(
      `${who} has gone: ${String(bytesSent)} sent, ${String(bytesReceived)} received${why}`,
    );
  });
};

/** A login that is refused, or a host key that has changed, would be no better in a while. */
const again = (error: unknown): Observable<unknown> => {
  if (!isSshError(error) || !(error.transient || isSshError(error, 'disconnect')))
    return throwError(() => error);
  console.error(`${escapeText(error.message)}; again in 5 s`);
  return timer(5_000);
};

connect(bastion)
  .pipe(
    forwardLocal({ listen: { port: Number(port) }, to: { host, port: Number(hostPort ?? 80) } }),
    // when the connection is lost, it is made again and the port is back
    retry({ delay: again }),
  )
  .subscribe({
    next: (event) => {
      if (event.type === 'listening') console.log(`listening on ${endpointText(event.at)}`);
      else tell(event.connection);
    },
    error: (error: unknown) => {
      console.error(isSshError(error) ? escapeText(error.message) : error);
      process.exitCode = 1;
    },
  });
