/** Our client, forwarding until it is told to end. Arguments: the task as JSON, the port of the target, and the one to listen at. */
import { forwardLocal } from 'rxssh';
import { connectTo } from './clients/rxssh-connect.ts';
import type { Task } from './task.ts';

const [, , json = '', to, at] = process.argv;

connectTo(JSON.parse(json) as Task)
  .pipe(forwardLocal({ listen: { port: Number(at) }, to: { host: '127.0.0.1', port: Number(to) } }))
  .subscribe();

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit());
