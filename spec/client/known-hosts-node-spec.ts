import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, from } from 'rxjs';
import { knownHostsFiles } from '../../src/client/known-hosts-node.ts';
import { isSshError } from '../../src/errors.ts';
import { formatKnownHostsLine } from '../../src/keys/known-hosts.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { useDirectory } from '../support/ssh-keygen.ts';

const key = generatePrivateKey('ed25519').publicKey;
const path = useDirectory();

function verdict(files: readonly string[], host: string): Promise<string> {
  return firstValueFrom(from(knownHostsFiles(files).load())).then(
    (known) => known.check({ host, port: 22 }, key).verdict,
  );
}

function add(file: string, line: string): Promise<unknown> {
  return firstValueFrom(from(knownHostsFiles([file]).add(line)), { defaultValue: undefined });
}

describe('known_hosts files', () => {
  it('are all read, and those that are not there are empty', async () => {
    writeFileSync(path('one'), `${formatKnownHostsLine('db1', 22, key)}\n`);
    writeFileSync(path('two'), formatKnownHostsLine('db2', 22, key));
    const files = [path('missing'), path('one'), path('two'), `${path('one')}/below`];
    expect([
      await verdict(files, 'db1'),
      await verdict(files, 'db2'),
      await verdict(files, 'db3'),
    ]).toEqual(['known', 'known', 'unknown']);
    expect(await verdict([], 'db1')).toBe('unknown');
  });

  it('are parsed once for many connections, and anew when they have changed', async () => {
    const file = path('shared');
    const load = () => firstValueFrom(from(knownHostsFiles([file]).load()));
    writeFileSync(file, `${formatKnownHostsLine('db1', 22, key)}\n`);
    const [first, second] = [await load(), await load()];
    expect(second.entries[0]).toBe(first.entries[0]);
    // as long as before: neither its size nor the second of its change need tell
    writeFileSync(file, `${formatKnownHostsLine('db2', 22, key)}\n`);
    expect(await verdict([file], 'db1')).toBe('unknown');
    expect(await verdict([file], 'db2')).toBe('known');
  });

  it('that cannot be read are an error that names the file', async () => {
    mkdirSync(path('folder'));
    const error: unknown = await verdict([path('folder')], 'db1').catch(
      (thrown: unknown) => thrown,
    );
    expect(isSshError(error, 'config') && [error.detail.file, String(error.cause)]).toEqual([
      path('folder'),
      expect.stringContaining('EISDIR'),
    ]);
  });

  it('are made for their owner alone, with their folder', async () => {
    const file = path('home/.ssh/known_hosts');
    await add(file, formatKnownHostsLine('db1', 22, key));
    expect([statSync(file).mode & 0o777, statSync(path('home/.ssh')).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(await verdict([file], 'db1')).toBe('known');
  });

  it('keep a last line that lacks its newline', async () => {
    const file = path('no-newline');
    writeFileSync(file, formatKnownHostsLine('db1', 22, key));
    await add(file, formatKnownHostsLine('db2', 22, key));
    expect([await verdict([file], 'db1'), await verdict([file], 'db2')]).toEqual([
      'known',
      'known',
    ]);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
  });

  it('F8: lose no line to writers side by side', async () => {
    const file = path('busy');
    writeFileSync(file, '# by hand, without a newline');
    const hosts = Array.from({ length: 20 }, (_, at) => `host${String(at)}`);
    await Promise.all(hosts.map((host) => add(file, formatKnownHostsLine(host, 22, key))));
    expect(await Promise.all(hosts.map((host) => verdict([file], host)))).toEqual(
      hosts.map(() => 'known'),
    );
  });

  it('are written at the first one only, and nowhere without one', async () => {
    const [first, second] = [path('first'), path('second')];
    writeFileSync(second, '');
    await firstValueFrom(from(knownHostsFiles([first, second]).add('a line')), {
      defaultValue: undefined,
    });
    expect([readFileSync(first, 'utf8'), readFileSync(second, 'utf8')]).toEqual(['a line\n', '']);
    await firstValueFrom(from(knownHostsFiles([]).add('a line')), { defaultValue: undefined });
  });

  it('that cannot be written are an error that names the file', async () => {
    const file = path('folder');
    const error: unknown = await add(file, 'a line').catch((thrown: unknown) => thrown);
    expect(isSshError(error, 'config') && error.detail.file).toBe(file);
  });
});
