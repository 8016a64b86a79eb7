/** How forwarded connections end with the connection that they were forwarded over. */
import { Subscription } from 'rxjs';
import { after } from '../streams/deadline.ts';

/** How long, in milliseconds, a target may take for what was sent to it before the connection ended. */
const FAREWELL = 1_000;

/**
 * Ends a way behind the end of its connection: by itself as a rule, when what its channel has received was handed over, and
 * without that after a second.
 */
export function endBehind(connectionLife: Subscription, way: Subscription): void {
  const ending = new Subscription(() => way.add(after(FAREWELL, () => way.unsubscribe())));
  connectionLife.add(ending);
  way.add(() => connectionLife.remove(ending));
}
