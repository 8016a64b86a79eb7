/** What the page does: one command's output, as often as it is told, and what each came to, to whoever has sent it here. */
import { connect, connectWebSocket, exec, parsePrivateKey, stdout } from 'rxssh';
import { lastValueFrom, reduce, tap } from 'rxjs';
import type { PageTask } from './browser.ts';

/** What a page has besides what Node has. */
const { location } = globalThis as unknown as { readonly location: { readonly host: string } };

/** MB a second, from the first byte of the output to its end. */
async function download(task: PageTask): Promise<number> {
  let began = NaN;
  const bytes$ = connect({
    ...{ host: task.host, port: task.port, user: task.user },
    duplex: connectWebSocket(`ws://${location.host}/`),
    identities: () => parsePrivateKey(task.key),
    hostKeys: { policy: 'pinned', fingerprints: [task.fingerprint] },
    algorithms: { cipher: [task.cipher] },
  }).pipe(
    exec(task.command),
    stdout(),
    tap(() => (began ||= performance.now())),
    reduce((sum, { length }) => sum + length, 0),
  );
  const bytes = await lastValueFrom(bytes$);
  if (bytes !== task.bytes) throw new Error(`${bytes} bytes came instead of ${task.bytes}`);
  return bytes / 1000 / (performance.now() - began);
}

async function downloads(): Promise<readonly number[]> {
  const task = (await (await fetch('task.json')).json()) as PageTask;
  const rates: number[] = [];
  for (let run = 0; run < task.runs; run++) rates.push(await download(task));
  return rates;
}

const answer = await downloads().then(
  (rates) => ({ rates }),
  (error: unknown) => ({ error: String(error) }),
);
await fetch('done', { method: 'POST', body: JSON.stringify(answer) });
