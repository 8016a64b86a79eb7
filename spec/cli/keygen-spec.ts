import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  formatPublicKeyLine,
  generatePrivateKey,
  parsePrivateKey,
  parsePublicKeyLine,
  rsaBits,
} from '../../src/keys/index.ts';
import { publicKeyOf } from '../../src/keys/public-key.ts';
import { describeWithSshKeygen, sshKeygen } from '../support/ssh-keygen.ts';
import { useCli } from './cli.ts';

const cli = useCli();

describe('rxssh keygen', () => {
  it('makes an Ed25519 key pair with a comment', async () => {
    const file = cli.file('a');
    const ended = await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-C', 'me@here', '-f', file]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const key = await parsePrivateKey(readFileSync(file));
    const line = parsePublicKeyLine(readFileSync(`${file}.pub`, 'utf8').trimEnd());
    expect(key.publicKey.type).toBe('ssh-ed25519');
    expect(line.publicKey.blob).toEqual(key.publicKey.blob);
    expect([key.comment, line.comment]).toEqual(['me@here', 'me@here']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ended.stdout.toString()).toMatch(/SHA256:\S+ me@here\n$/);
  });

  it('L6: ends quietly when nobody reads the fingerprints any more', async () => {
    const file = cli.file('hosts');
    const line = formatPublicKeyLine(generatePrivateKey('ed25519').publicKey, 'one of many');
    writeFileSync(file, `${line}\n`.repeat(20_000));
    const { child, printed, ended } = cli.start(['keygen', '-l', '-f', file]);
    child.stdout.once('data', () => child.stdout.destroy());
    await printed(/SHA256/);
    expect((await ended).stderr).toBe('');
  }, 30_000);

  it('F2: makes a file that is its owner’s alone, whatever the umask, and none over another', async () => {
    const file = cli.file('umask');
    const before = process.umask(0);
    const started = cli.start(['keygen', '-N', '', '-f', file]);
    process.umask(before);
    expect(await started.ended).toMatchObject({ status: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    expect((await cli.run(['keygen', '-N', '', '-f', file])).status).not.toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('encrypts it with -N, or with RXSSH_PASSPHRASE', async () => {
    const [b, c] = [cli.file('b'), cli.file('c')];
    await cli.run(['keygen', '-N', 'long secret', '-f', b]);
    const ended = await cli.run(['keygen', '-f', c], { env: { RXSSH_PASSPHRASE: 'long secret' } });
    for (const file of [b, c]) {
      const text = readFileSync(file);
      await expect(parsePrivateKey(text)).rejects.toMatchObject({
        detail: { reason: 'passphrase-needed' },
      });
      expect((await parsePrivateKey(text, { passphrase: 'long secret' })).publicKey.type).toBe(
        'ssh-ed25519',
      );
    }
    expect(ended.stdout.toString()).not.toContain('without a passphrase');
    expect(ended.stdout.toString()).not.toContain('long secret');
  });

  it.each(['256', '384', '521'])('makes ECDSA keys of %s bits', async (bits) => {
    const file = cli.file(`ecdsa${bits}`);
    expect(
      (await cli.run(['keygen', '-t', 'ecdsa', '-b', bits, '-N', '', '-f', file, '-q'])).status,
    ).toBe(0);
    expect((await parsePrivateKey(readFileSync(file))).publicKey.type).toBe(
      `ecdsa-sha2-nistp${bits}`,
    );
  });

  it('leaves an existing file alone when nobody can be asked', async () => {
    const file = cli.file('d');
    writeFileSync(file, 'mine');
    const ended = await cli.run(['keygen', '-N', '', '-f', file]);
    expect(ended).toMatchObject({
      status: 2,
      stderr: `rxssh: ${file} exists, and was left as it is\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('fails with 255 where it cannot write', async () => {
    const ended = await cli.run(['keygen', '-N', '', '-f', cli.file('no/folder')]);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('ENOENT');
  });
});

describe('rxssh keygen -l', () => {
  it.each([
    ['ed25519', '256'],
    ['ecdsa', '256'],
    ['dss', '1024'],
  ])('tells the size of a key of type %s', async (type, bits) => {
    const file = cli.file(`size-${type}`);
    await cli.run(['keygen', '-t', type, '-N', '', '-f', file, '-q']);
    const ended = await cli.run(['keygen', '-l', '-f', file]);
    expect(ended.stdout.toString()).toMatch(new RegExp(`^${bits} SHA256:`));
  });
});

describe('rxssh keygen -t rsa', () => {
  it('makes RSA keys', async () => {
    const file = cli.file('rsa');
    const ended = await cli.run(['keygen', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file, '-q']);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const key = await parsePrivateKey(readFileSync(file));
    expect([key.publicKey.type, rsaBits(key.publicKey)]).toEqual(['ssh-rsa', 2048]);
  });

  it.each([['1024'], ['2049'], ['x']])('refuses %s bits', async (bits) => {
    const words = ['keygen', '-t', 'rsa', '-b', bits, '-N', '', '-f', cli.file('none')];
    expect(await cli.run(words)).toMatchObject({ status: 2 });
  });
});

describeWithSshKeygen('rxssh keygen, beside ssh-keygen', () => {
  const FORMATS: readonly (readonly string[])[] = [
    ['-t', 'ed25519'],
    ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
    ['-t', 'ecdsa', '-b', '384', '-m', 'PKCS8'],
  ];

  describe.each(FORMATS.map((words) => [words.join(' '), words] as const))('%s', (name, words) => {
    const make = (passphrase: string): string => {
      const file = cli.file(`${name}${String(passphrase.length)}`.replaceAll(' ', '_'));
      rmSync(file, { force: true });
      sshKeygen(['-q', ...words, '-N', passphrase, '-C', 'me', '-f', file]);
      return file;
    };

    it.each(['', 'correct horse'])('-y with the passphrase %j', async (passphrase) => {
      const file = make(passphrase);
      const given = passphrase === '' ? [] : ['-P', passphrase];
      const ended = await cli.run(['keygen', '-y', ...given, '-f', file]);
      const [type, base64] = readFileSync(`${file}.pub`, 'utf8').split(' ');
      expect(ended).toMatchObject({ status: 0, stderr: '' });
      expect(ended.stdout.toString().trim().split(' ').slice(0, 2)).toEqual([type, base64?.trim()]);
      if (passphrase === '') return;
      const wrong = await cli.run(['keygen', '-y', '-P', 'wrong', '-f', file]);
      expect(wrong).toMatchObject({
        status: 255,
        stderr: expect.stringContaining('wrong passphrase'),
      });
      const none = await cli.run(['keygen', '-y', '-f', file]);
      expect(none).toMatchObject({
        status: 255,
        stderr: expect.stringMatching(/passphrase.*with -P/),
      });
    });

    it.each(['sha256', 'md5'])('-l -E %s, of the private and of the public file', async (hash) => {
      const file = make('');
      const expected = sshKeygen(['-l', '-E', hash, '-f', `${file}.pub`]);
      for (const shown of [file, `${file}.pub`]) {
        const ended = await cli.run(['keygen', '-l', '-E', hash, '-f', shown]);
        expect(ended.stdout.toString()).toBe(expected);
      }
    });

    it('-p', async () => {
      const file = make('old one');
      const before = sshKeygen(['-y', '-P', 'old one', '-f', file]);
      const words = ['keygen', '-p', '-P', 'old one', '-N', 'new one', '-f', file];
      expect(await cli.run(words)).toMatchObject({ status: 0, stderr: '' });
      const after = sshKeygen(['-y', '-P', 'new one', '-f', file]);
      expect(after.split(' ').slice(0, 2)).toEqual(before.split(' ').slice(0, 2));
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(await cli.run(words)).toMatchObject({ status: 255 });
      expect(sshKeygen(['-y', '-P', 'new one', '-f', file])).toBe(after);
    });
  });

  it('-l, of security keys', async () => {
    const file = cli.file('sk.pub');
    const application = 'ssh:';
    const { material: ed25519 } = generatePrivateKey('ed25519').publicKey;
    const { material: ecdsa } = generatePrivateKey('ecdsa').publicKey;
    if (ed25519.kind !== 'ed25519' || ecdsa.kind !== 'ecdsa') throw new Error('other keys');
    const keys = [
      publicKeyOf({ ...ed25519, kind: 'sk-ed25519', application }),
      publicKeyOf({ kind: 'sk-ecdsa', curve: 'nistp256', point: ecdsa.point, application }),
    ];
    writeFileSync(file, keys.map((key) => `${formatPublicKeyLine(key, 'me')}\n`).join(''));
    const ended = await cli.run(['keygen', '-l', '-f', file]);
    expect(ended.stdout.toString()).toBe(sshKeygen(['-l', '-f', file]));
  });

  it('-p without -N, where nobody can be asked, leaves the file as it is', async () => {
    const file = cli.file('kept');
    sshKeygen(['-q', '-t', 'ed25519', '-N', 'old one', '-f', file]);
    const before = readFileSync(file, 'utf8');
    expect(await cli.run(['keygen', '-p', '-P', 'old one', '-f', file])).toMatchObject({
      status: 2,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  describe('known hosts', () => {
    const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
    const write = (): string => {
      const file = cli.file('known_hosts');
      const lines = [
        '# a comment',
        `db1,10.0.0.1 ${KEY}`,
        `*.example.org ${KEY}`,
        `[db1]:2222 ${KEY} note`,
        `@revoked db1 ${KEY}`,
        `web1 ${KEY}`,
      ];
      writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
      return file;
    };

    it.each(['db1', '[db1]:2222', '10.0.0.1', 'a.example.org', 'db2'])('-F %s', async (host) => {
      const file = write();
      const theirs = spawnSync('ssh-keygen', ['-F', host, '-f', file], { encoding: 'utf8' });
      const ended = await cli.run(['keygen', '-F', host, '-f', file]);
      expect(ended.status).toBe(theirs.status);
      const keys = (text: string): readonly string[] =>
        text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(keys(ended.stdout.toString())).toEqual(keys(theirs.stdout));
    });

    it.each(['db1', '[db1]:2222', 'web1'])('-R %s', async (host) => {
      const file = write();
      const before = readFileSync(file, 'utf8');
      expect(await cli.run(['keygen', '-R', host, '-f', file])).toMatchObject({ status: 0 });
      const ours = readFileSync(file, 'utf8');
      expect(readFileSync(`${file}.old`, 'utf8')).toBe(before);
      expect(ours).toContain('@revoked db1');
      write();
      sshKeygen(['-R', host, '-f', file]);
      expect(ours).toBe(readFileSync(file, 'utf8'));
    });

    it('-R of a host that is not there leaves the file as it is', async () => {
      const file = write();
      const ended = await cli.run(['keygen', '-R', 'db9', '-f', file]);
      expect(ended).toMatchObject({ status: 1, stderr: 'rxssh: db9 not found\n' });
      expect(readFileSync(file, 'utf8')).toContain('db1,10.0.0.1');
    });

    it('-H', async () => {
      const file = write();
      expect(await cli.run(['keygen', '-H', '-f', file])).toMatchObject({ status: 0 });
      const hashed = readFileSync(file, 'utf8');
      for (const name of ['web1', '10.0.0.1', '2222']) expect(hashed).not.toContain(name);
      expect(hashed).toContain('*.example.org');
      for (const host of ['db1', '10.0.0.1', '[db1]:2222', 'web1', 'a.example.org'])
        expect(sshKeygen(['-F', host, '-f', file])).toContain(KEY);
      // nothing is left to be hashed
      expect(await cli.run(['keygen', '-H', '-f', file])).toMatchObject({ status: 0 });
      expect(readFileSync(file, 'utf8')).toBe(hashed);
    });
  });
});

describe('rxssh keygen', () => {
  it.each([
    [['-y', '-l', '-f', 'x'], '-y and -l do not go together'],
    [['-y'], '-f FILE is missing'],
    [['-F', ''], 'the name of a host is missing'],
    [['-l', '-E', 'sha1', '-f', 'x'], 'sha256 or md5'],
    [['-Y', 'sign'], '-Y is not there yet'],
  ])('%j is a mistake', async (words, message) => {
    const ended = await cli.run(['keygen', ...words]);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });
});
