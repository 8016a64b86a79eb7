/** From a form that was sent to a client: a WebSocket through the relay, a host key that somebody has to trust, and a login. */
import {
  connect,
  connectWebSocket,
  type HostKeyQuestion,
  indexedDbKnownHosts,
  type InteractiveQuestion,
  parsePrivateKey,
  type SshClient,
} from 'rxssh';
import { defer, fromEvent, map, type Observable, take } from 'rxjs';
import { byId } from './elements.ts';

/** What is kept of hosts that were trusted. */
export const knownHosts = indexedDbKnownHosts();

/** What somebody has filled in. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A private key as text; empty for none. */
  readonly key: string;
  readonly passphrase: string;
}

export function readForm(form: HTMLFormElement): Login {
  const data = new FormData(form);
  const text = (name: string): string => {
    const value = data.get(name);
    return typeof value === 'string' ? value : '';
  };
  const target = text('host');
  const colon = target.lastIndexOf(':');
  return {
    host: target.slice(0, colon),
    port: Number(target.slice(colon + 1)),
    user: text('user'),
    password: text('password'),
    key: text('key').trim(),
    passphrase: text('passphrase'),
  };
}

/** Emits the client and stays connected; unsubscribing disconnects. */
export function logIn(login: Login): Observable<SshClient> {
  const { host, port, user, password, key, passphrase } = login;
  const relay = `${location.origin.replace(/^http/, 'ws')}/relay/${host}:${String(port)}`;
  const identity = (): Promise<SshKey> =>
    parsePrivateKey(`${key}\n`, passphrase === '' ? {} : { passphrase });
  return connect({
    host,
    port,
    user,
    knownHosts,
    duplex: connectWebSocket(relay),
    hostKeys: { policy: 'ask', ask: askToTrust },
    ...(password === '' ? {} : { password, keyboardInteractive: answerWith(password) }),
    ...(key === '' ? {} : { identities: identity }),
  });
}

type SshKey = Awaited<ReturnType<typeof parsePrivateKey>>;

/** Servers with PAM ask for the password as a question; what else they may ask is not answered with it. */
function answerWith(password: string) {
  return ({ prompts: [first, ...more] }: InteractiveQuestion): readonly string[] | undefined => {
    if (first === undefined) return [];
    return first.echo || more.length > 0 ? undefined : [password];
  };
}

/** Emits what somebody has answered; leaving the dialog in any other way is a no. */
function askToTrust({ host, port, key, fingerprint }: HostKeyQuestion): Observable<boolean> {
  return defer(() => {
    const dialog = byId('host-key', HTMLDialogElement);
    const fields: Record<string, string> = {
      host: `${host}:${String(port)}`,
      type: key.type,
      fingerprint,
    };
    for (const field of dialog.querySelectorAll<HTMLElement>('[data-field]'))
      field.textContent = fields[field.dataset['field'] ?? ''] ?? '';
    dialog.returnValue = '';
    dialog.showModal();
    return fromEvent(dialog, 'close').pipe(
      take(1),
      map(() => dialog.returnValue === 'trust'),
    );
  });
}
