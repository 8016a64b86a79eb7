/** The lines of known_hosts that speak of a host: the same as `ssh-keygen -F` finds. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import { hashHostName } from '../../src/keys/host-patterns.ts';
import {
  formatKnownHostsLine,
  type KnownHosts,
  parseKnownHosts,
} from '../../src/keys/known-hosts.ts';
import { generatePrivateKey, privateKeyFromSeed } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import { describeWithSshKeygen, sshKeygen, useDirectory } from '../support/ssh-keygen.ts';

const KEY = formatPublicKeyLine(privateKeyFromSeed(new Uint8Array(32).fill(1)).publicKey);
const ECDSA = formatPublicKeyLine(generatePrivateKey('ecdsa').publicKey);
const hashed = (name: string): string => hashHostName(name, defaultProvider);

// Keys that are broken are not among them: ssh-keygen -F does not look at the key, and we do.
const LINES: readonly string[] = [
  `plain ${KEY}`,
  `plain ${KEY} a comment`,
  `plain ${ECDSA}`,
  `  \tindented ${KEY}`,
  `tabs\t${KEY.replace(' ', '\t')}\tcomment`,
  `many   ${KEY.replace(' ', '   ')}   comment`,
  `crlf ${KEY}\r`,
  `one,two,three ${KEY}`,
  `,comma,,empty, ${KEY}`,
  `UPPER.Example.COM ${KEY}`,
  `*.example.com ${KEY}`,
  `*.example.com,!bad.example.com ${KEY}`,
  `!bad.example.com,*.example.com ${KEY}`,
  `!bad.example.com ${KEY}`,
  `!*.example.com,plain ${KEY}`,
  `* ${KEY}`,
  `? ${KEY}`,
  `h?st ${KEY}`,
  `h??t* ${KEY}`,
  `*a*b*c* ${KEY}`,
  `**plain** ${KEY}`,
  `?* ${KEY}`,
  `[plain]:2222 ${KEY}`,
  `[*]:2222 ${KEY}`,
  `[*.example.com]:* ${KEY}`,
  `[plain]:22 ${KEY}`,
  `plain:2222 ${KEY}`,
  `192.0.2.1 ${KEY}`,
  `192.0.2.* ${KEY}`,
  `192.0.2.?,!192.0.2.7 ${KEY}`,
  `::1 ${KEY}`,
  `[::1]:2222 ${KEY}`,
  `2001:db8::* ${KEY}`,
  `fe80::1%eth0 ${KEY}`,
  `${hashed('plain')} ${KEY}`,
  `${hashed('[plain]:2222')} ${ECDSA} comment`,
  `${hashed('plain')},other ${KEY}`,
  `${hashed('upper.example.com')} ${KEY}`,
  `|1|c2hvcnQ=|c2hvcnQ= ${KEY}`,
  `|1|not base64| ${KEY}`,
  `|2|${hashed('plain').slice(3)} ${KEY}`,
  `|1| ${KEY}`,
  `@revoked plain ${KEY}`,
  `@revoked * ${ECDSA}`,
  `@cert-authority *.example.com ${KEY}`,
  `@cert-authority ${hashed('plain')} ${KEY}`,
  `@unknown plain ${KEY}`,
  `@revoked @cert-authority plain ${KEY}`,
  `@revoked`,
  `@revoked plain`,
  `@ plain ${KEY}`,
  `@REVOKED plain ${KEY}`,
  `# plain ${KEY}`,
  `#plain ${KEY}`,
  ``,
  `   `,
  `plain`,
  `plain `,
  `plain ssh-ed25519`,
  `plain ssh-ed25519 `,
  `plain 1024 35 1234567890`,
  `plain,${'x'.repeat(900)} ${KEY}`,
  `${Array.from({ length: 200 }, (_item, i) => `host${String(i)}`).join(',')} ${KEY}`,
];

const NAMES: readonly (readonly [host: string, port: number])[] = [
  ['plain', 22],
  ['plain', 2222],
  ['plain', 2223],
  ['indented', 22],
  ['tabs', 22],
  ['many', 22],
  ['crlf', 22],
  ['two', 22],
  ['three', 22],
  ['comma', 22],
  ['empty', 22],
  ['upper.example.com', 22],
  ['upper.example.com', 2200],
  ['bad.example.com', 22],
  ['good.example.com', 22],
  ['example.com', 22],
  ['a', 22],
  ['host', 22],
  ['hoist', 22],
  ['xaxbxcx', 22],
  ['axcxb', 22],
  ['abc', 22],
  ['192.0.2.1', 22],
  ['192.0.2.7', 22],
  ['192.0.2.10', 22],
  ['::1', 22],
  ['::1', 2222],
  ['2001:db8::5', 22],
  ['fe80::1%eth0', 22],
  ['host199', 22],
  ['1024', 22],
  ['nowhere.invalid', 22],
];

/** Our lines, without those that we keep only to say that they cannot be read. */
function found(knownHosts: KnownHosts, host: string, port: number): readonly number[] {
  return knownHosts
    .find(host, port)
    .filter((entry) => entry.blob !== undefined)
    .map((entry) => entry.line);
}

function foundBySshKeygen(file: string, host: string, port: number): readonly number[] {
  const name = port === 22 ? host : `[${host}]:${String(port)}`;
  const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
  return [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
}

describeWithSshKeygen('known_hosts and ssh-keygen -F', () => {
  const path = useDirectory();

  it.each(NAMES)('F5: agree about %s port %d', (host, port) => {
    const file = path('known_hosts');
    writeFileSync(file, `${LINES.join('\n')}\n`);
    const ours = found(parseKnownHosts(readFileSync(file, 'utf8'), file), host, port);
    const theirs = foundBySshKeygen(file, host, port);
    expect(ours).toEqual(theirs);
  });

  it('agree about what we wrote, plain and hashed', () => {
    const { publicKey } = privateKeyFromSeed(new Uint8Array(32).fill(1));
    for (const hash of [false, true]) {
      const file = path(`written-${String(hash)}`);
      const lines = [
        formatKnownHostsLine('Example.COM', 22, publicKey, { hash }),
        formatKnownHostsLine('Example.COM', 2222, publicKey, { hash }),
        formatKnownHostsLine('::1', 22, publicKey, { hash }),
        formatKnownHostsLine('::1', 2222, publicKey, { hash }),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      const knownHosts = parseKnownHosts(readFileSync(file, 'utf8'), file);
      for (const [index, host, port] of [
        [1, 'example.com', 22],
        [2, 'example.com', 2222],
        [3, '::1', 22],
        [4, '::1', 2222],
      ] as const) {
        expect(foundBySshKeygen(file, host, port)).toEqual([index]);
        expect(found(knownHosts, host, port)).toEqual([index]);
      }
    }
  });

  it('agree about what ssh-keygen hashed', () => {
    const file = path('to-hash');
    writeFileSync(file, `one,two ${KEY}\n[one]:2222 ${KEY}\n`);
    sshKeygen(['-q', '-H', '-f', file]);
    const knownHosts = parseKnownHosts(readFileSync(file, 'utf8'), file);
    expect(knownHosts.entries.length).toBe(3);
    expect(found(knownHosts, 'one', 22)).toEqual(foundBySshKeygen(file, 'one', 22));
    expect(found(knownHosts, 'two', 22)).toEqual(foundBySshKeygen(file, 'two', 22));
    expect(found(knownHosts, 'ONE', 2222)).toEqual(foundBySshKeygen(file, 'one', 2222));
  });
});
