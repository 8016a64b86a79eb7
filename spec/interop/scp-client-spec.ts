/** `get` and `put` in scp's own protocol, against OpenSSH's scp. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, it } from '@jest/globals';
import { concat, lastValueFrom, type Observable, of, toArray } from 'rxjs';
import { nest } from '../../src/operators/nest.ts';
import { localFiles, type SshClient, withClient } from '../../src/node.ts';
import { type FileName, fileName } from '../../src/sftp/file-name.ts';
import type { RunScp } from '../../src/sftp/scp/scp-client.ts';
import { scpGet } from '../../src/sftp/scp/scp-get.ts';
import { scpPut } from '../../src/sftp/scp/scp-put.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const MIB = 1024 * 1024;

const inFolder = useTempFolder();
beforeEach(() => {
  chmodSync(inFolder(), 0o777);
  mkdirSync(inFolder('put'));
  chmodSync(inFolder('put'), 0o777);
});

const at = (...names: string[]): FileName => fileName(utf8Bytes(inFolder(...names)));

function scpOf(client: SshClient): RunScp {
  return (words) =>
    client.session().pipe(nest((session) => concat(session.exec(words), of(session))));
}

describeWithPeer('sshd', 'get and put with OpenSSH’s scp', () => {
  const peer = usePeer(() => startSshd());

  function run<T>(work: (scp: RunScp) => Observable<T>): Promise<T[]> {
    return lastValueFrom(
      connectTo(peer()).pipe(
        withClient((client) => work(scpOf(client))),
        toArray(),
      ),
    );
  }

  it('L8: carry a file each way, with its mode and times, whatever its name', async () => {
    const name = "it's a $(name) -rf";
    const source = at(name);
    writeFileSync(source.text, randomBytes(5 * MIB));
    chmodSync(source.text, 0o640);
    chmodSync(source.text, 0o644);
    const options = { preserve: true };
    const events = await run((scp) =>
      concat(
        scpPut(scp, localFiles, source, at('put', name), options),
        scpGet(scp, at('put', name), localFiles, at('got'), options),
      ),
    );
    const done = events.filter(({ state }) => state === 'done');
    expect(done).toMatchObject([{ bytes: 5 * MIB }, { bytes: 5 * MIB }]);
    expect(readFileSync(at('got').text).equals(readFileSync(source.text))).toBe(true);
    const seconds = (path: FileName): number => Math.floor(lstatSync(path.text).mtimeMs / 1000);
    expect(seconds(at('got'))).toBe(seconds(source));
  });

  it('carry a tree each way', async () => {
    mkdirSync(inFolder('tree/a/b'), { recursive: true });
    mkdirSync(inFolder('tree/c'));
    for (let i = 0; i < 50; i++)
      writeFileSync(
        inFolder('tree/a', i % 2 === 0 ? '' : 'b', `f${String(i)}`),
        randomBytes(i * 999),
      );
    writeFileSync(inFolder('tree/z'), 'z');
    const options = { recursive: true };
    await run((scp) =>
      concat(
        scpPut(scp, localFiles, at('tree'), at('put', 'copy'), options),
        scpPut(scp, localFiles, at('tree'), at('put', 'copy'), options),
        scpGet(scp, at('put', 'copy'), localFiles, at('got'), options),
      ),
    );
    const list = (name: string): [string, string][] =>
      readdirSync(inFolder(name), { recursive: true, encoding: 'utf8' })
        .sort()
        .map((path) => {
          const full = inFolder(name, path);
          return [path, lstatSync(full).isDirectory() ? '' : readFileSync(full, 'base64')];
        });
    expect(list('put/copy')).toEqual(list('tree'));
    expect(list('got')).toEqual(list('tree'));
  });

  it('say what the server says', async () => {
    const missing$ = run((scp) => scpGet(scp, at('none'), localFiles, at('x'), {}));
    await expect(missing$).rejects.toThrow(/No such file/);
    writeFileSync(at('x').text, 'x');
    await expect(
      run((scp) => scpPut(scp, localFiles, at('x'), at('no', 'such', 'folder'), {})),
    ).rejects.toMatchObject({ kind: 'sftp' });
  });
});
