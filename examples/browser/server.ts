/** The SSH server behind the page: a shell and the files of a temporary folder, for one user with a password that is made at each start. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  authorizedKeys,
  type AuthPolicy,
  childProcess,
  fingerprint,
  formatPrivateKey,
  generatePrivateKey,
  hasTerminals,
  listen,
  nodeFileSystem,
  type ServerEvent,
  sftpServer,
} from 'rxssh';
import { formatPublicKeyLine } from 'rxssh/keys';
import { Observable } from 'rxjs';
import { smallShell } from './small-shell.ts';

export const USER = 'guest';
const MIB = 1024 * 1024;

/** A server that can be started, and what there is to know for whoever wants to log in. */
export interface EmbeddedServer {
  readonly password: string;
  /** A private key that may log in too. */
  readonly userKey: string;
  /** Of the host key. */
  readonly fingerprint: string;
  /** Subscribing starts it, unsubscribing stops it. */
  readonly event$: Observable<ServerEvent>;
}

/** @param port - 0 is any free one */
export async function embeddedServer(port: number): Promise<EmbeddedServer> {
  const hostKey = generatePrivateKey('ed25519');
  const userKey = generatePrivateKey('ed25519', { comment: USER });
  const password = randomBytes(9).toString('base64url');
  return {
    password,
    userKey: await formatPrivateKey(userKey),
    fingerprint: fingerprint(hostKey.publicKey),
    event$: withFolder((folder) =>
      listen({
        port,
        hostKeys: [hostKey],
        authenticate: authenticate(password, formatPublicKeyLine(userKey.publicKey)),
        pty: true,
        shell: hasTerminals() ? childProcess({ cwd: folder, env: { HOME: folder } }) : smallShell,
        exec: childProcess({ cwd: folder }),
        subsystems: { sftp: sftpServer(nodeFileSystem({ root: folder })) },
      }),
    ),
  };
}

function authenticate(password: string, publicKey: string): AuthPolicy {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const byKey = authorizedKeys(publicKey);
  return (attempt) => {
    if (attempt.user !== USER) return false;
    if (attempt.method !== 'password') return byKey(attempt);
    return timingSafeEqual(digest(attempt.password), digest(password));
  };
}

/** A folder with something in it, for as long as the work is subscribed to. */
function withFolder<T>(work: (folder: string) => Observable<T>): Observable<T> {
  return new Observable((out) => {
    const folder = mkdtempSync(join(tmpdir(), 'rxssh-browser-'));
    out.add(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'notes'));
    writeFileSync(
      join(folder, 'notes', 'welcome.txt'),
      'Hello from the other side of the relay.\n',
    );
    writeFileSync(join(folder, 'random-64MiB.bin'), randomBytes(64 * MIB));
    writeFileSync(join(folder, 'random-1MiB.bin'), randomBytes(MIB));
    return work(folder).subscribe(out);
  });
}
