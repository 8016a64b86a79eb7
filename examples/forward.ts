/**
 * A port of this machine that leads through a host to another one:
 *
 *     node build/examples/forward.js bastion 8080 intranet.internal 80
 */
import { connect, endpointText, escapeText, forwardLocal, type ForwardedConnection } from 'rxssh';
import { retry, timer } from 'rxjs';

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

connect(bastion)
  .pipe(
    forwardLocal({ listen: { port: Number(port) }, to: { host, port: Number(hostPort ?? 80) } }),
    // when the connection is lost, it is made again and the port is back
    retry({ delay: () => timer(5_000), resetOnSuccess: true }),
  )
  .subscribe({
    next: (event) => {
      if (event.type === 'listening') console.log(`listening on ${endpointText(event.at)}`);
      else tell(event.connection);
    },
    error: (error: unknown) => console.error(error),
  });
