/**
 * A query to a database that only its own host reaches, by `pg` over a channel: no port is opened here.
 *
 *     node build/examples/database.js deploy@db1 app app 'select version()'
 */
import pg from 'pg';
import { type ByteDuplex, connect, toNodeDuplex, withClient } from 'rxssh';
import { mergeMap, take } from 'rxjs';

const [host, user, database, query = 'select version()', port = '5432'] = process.argv.slice(2);
if (host === undefined || user === undefined || database === undefined) {
  console.error('usage: database HOST USER DATABASE [QUERY [PORT]]');
  process.exit(2);
}

/** The channel, with what `pg` asks of a socket besides: there is nothing to connect any more, and nothing to set. */
function socketOf(duplex: ByteDuplex) {
  const stream = toNodeDuplex(duplex);
  const itself = (): typeof stream => stream;
  const connect = (): void => void setImmediate(() => stream.emit('connect'));
  return Object.assign(stream, {
    connect,
    setNoDelay: itself,
    setKeepAlive: itself,
    ref: itself,
    unref: itself,
  });
}

connect(host)
  .pipe(
    withClient((client) =>
      client.dial('127.0.0.1', Number(port)).pipe(
        mergeMap(async (duplex) => {
          const db = new pg.Client({ user, database, stream: () => socketOf(duplex) });
          await db.connect();
          const { rows } = await db.query<Record<string, unknown>>(query);
          await db.end();
          return rows;
        }),
        take(1),
      ),
    ),
  )
  .subscribe({
    next: (rows) => console.log(JSON.stringify(rows)),
    error: (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  });
