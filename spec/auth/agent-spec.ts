/** The agent's client against agents that misbehave. */
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, Observable, of, toArray } from 'rxjs';
import { agentIdentities, type AgentOptions } from '../../src/auth/agent.ts';
import { isSshError } from '../../src/errors.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { concatBytes, fromHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { Reader } from '../../src/wire/reader.ts';
import { Writer } from '../../src/wire/writer.ts';

const key = generatePrivateKey('ed25519');
const FAILURE = fromHex('05');

/** An agent that answers each request with bytes, and how many of its connections are open. */
function fakeAgent(answer: (request: Uint8Array, duplex: ByteDuplex) => Uint8Array | undefined): {
  readonly open: Observable<ByteDuplex>;
  readonly connections: { open: number; total: number };
} {
  const connections = { open: 0, total: 0 };
  const open = new Observable<ByteDuplex>((subscriber) => {
    const [ours, theirs] = memoryPair();
    connections.open++;
    connections.total++;
    const agent = theirs.readable$.subscribe({
      next: (chunk) => {
        const bytes = answer(chunk.slice(4), theirs);
        if (bytes !== undefined) theirs.write(bytes, () => undefined);
      },
      error: () => undefined,
    });
    subscriber.next(ours);
    return () => {
      connections.open--;
      agent.unsubscribe();
    };
  });
  return { open, connections };
}

function reply(payload: Uint8Array): Uint8Array {
  return new Writer().string(payload).bytes();
}

function identities(
  ...keys: readonly { readonly blob: Uint8Array; readonly comment: string }[]
): Uint8Array {
  const writer = new Writer().byte(12).uint32(keys.length);
  for (const { blob, comment } of keys) writer.string(blob).utf8(comment);
  return reply(writer.bytes());
}

/** An agent that holds one key and answers sign requests like `sign`. */
function signingAgent(sign: (request: Uint8Array) => Uint8Array | undefined) {
  return fakeAgent((request) =>
    request[0] === 11 ? identities({ blob: key.publicKey.blob, comment: 'mine' }) : sign(request),
  );
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function list(
  open: Observable<ByteDuplex>,
  options: AgentOptions = {},
): Promise<readonly Signer[]> {
  return lastValueFrom(agentIdentities(open, options).pipe(toArray()));
}

describe('agentIdentities', () => {
  it.each<[string, Uint8Array, string]>([
    ['an empty reply', reply(new Uint8Array(0)), 'protocol'],
    ['a reply of 4 GiB', fromHex('ffffffff0c'), 'overflow'],
    ['a reply of 256 KiB and one byte', fromHex('000400010c'), 'overflow'],
    ['a failure', reply(FAILURE), 'request-refused'],
    ['success, which is no answer', reply(fromHex('06')), 'protocol'],
    ['an answer to another request', reply(fromHex('0e00000000')), 'protocol'],
    ['a million keys in five bytes', reply(fromHex('0c000f4240')), 'protocol'],
    [
      '1025 keys',
      identities(...Array.from({ length: 1025 }, () => ({ blob: fromHex(''), comment: '' }))),
      'overflow',
    ],
    ['a truncated key', reply(fromHex('0c000000010000000800')), 'protocol'],
    ['bytes behind the last key', reply(fromHex('0c0000000000')), 'protocol'],
    ['half a reply, then silence', fromHex('000000050c00'), 'timeout'],
  ])('AC9: errors for %s', async (_name, bytes, kind) => {
    const { open, connections } = fakeAgent(() => bytes);
    const error = await errorOf(list(open, { timeout: 50 }));
    expect(isSshError(error) && error.kind).toBe(kind);
    expect(connections).toEqual({ open: 0, total: 1 });
  });

  it('AC9: errors for an agent that says nothing', async () => {
    const { open, connections } = fakeAgent(() => undefined);
    const error = await errorOf(list(open, { timeout: 20 }));
    expect(isSshError(error, 'timeout') && error.detail).toEqual({
      phase: 'agent',
      milliseconds: 20,
    });
    expect(connections.open).toBe(0);
  });

  it.each([
    ['ends', (duplex: ByteDuplex) => duplex.end()],
    ['cuts', (duplex: ByteDuplex) => duplex.destroy()],
  ])('AC9: errors for an agent that %s the connection', async (_name, close) => {
    const { open, connections } = fakeAgent((_request, duplex) => {
      duplex.write(fromHex('0000'), () => undefined);
      close(duplex);
      return undefined;
    });
    const error = await errorOf(list(open));
    expect(isSshError(error) && error.kind).toBe('connection-lost');
    expect(connections.open).toBe(0);
  });

  it('errors when nothing is connected', async () => {
    expect(await errorOf(list(of()))).toMatchObject({ kind: 'connection-lost' });
  });

  it('asks anew at each subscription, and not before', async () => {
    const { open, connections } = fakeAgent(() => identities());
    const identities$ = agentIdentities(open);
    expect(connections.total).toBe(0);
    expect(await lastValueFrom(identities$.pipe(toArray()))).toEqual([]);
    expect(await lastValueFrom(identities$.pipe(toArray()))).toEqual([]);
    expect(connections).toEqual({ open: 0, total: 2 });
  });

  it('leaves out keys of types that it does not know, and keeps the order of the others', async () => {
    const other = generatePrivateKey('ecdsa');
    const unknown = new Writer().utf8('ssh-future').bytes();
    const blobs = [key.publicKey.blob, unknown, fromHex('00'), other.publicKey.blob];
    const { open } = fakeAgent(() => identities(...blobs.map((blob) => ({ blob, comment: 'c' }))));
    const signers = await list(open);
    expect(signers.map(({ publicKey }) => publicKey.type)).toEqual([
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
    ]);
    expect(signers[0]).toMatchObject({
      comment: 'c',
      source: 'agent: c',
      algorithms: ['ssh-ed25519'],
    });
  });

  it('lets the connection go when it is called off', () => {
    const { open, connections } = fakeAgent(() => undefined);
    agentIdentities(open).subscribe().unsubscribe();
    expect(connections).toEqual({ open: 0, total: 1 });
  });
});

describe("a signer of an agent's", () => {
  const data = utf8Bytes('data');

  async function signer(
    agent: { readonly open: Observable<ByteDuplex> },
    options: AgentOptions = {},
  ): Promise<Signer> {
    return firstValueFrom(agentIdentities(agent.open, options));
  }

  it('asks for a signature of the data', async () => {
    const agent = signingAgent((request) => {
      const reader = new Reader(request);
      expect(reader.byte()).toBe(13);
      expect(reader.string()).toEqual(key.publicKey.blob);
      const signature = signed(key, reader.string());
      expect(reader.uint32()).toBe(0);
      reader.end();
      return reply(concatBytes([fromHex('0e'), new Writer().string(signature).bytes()]));
    });
    const mine = await signer(agent);
    expect(await mine.sign(data, 'ssh-ed25519')).toEqual(signed(key, data));
    expect(agent.connections).toEqual({ open: 0, total: 2 });
  });

  it.each<[string, Uint8Array, string]>([
    ['refuses', reply(FAILURE), 'request-refused'],
    ['answers another question', identities(), 'protocol'],
    ['sends a truncated signature', reply(fromHex('0e00000008')), 'protocol'],
    [
      'signs with SHA-1',
      reply(
        concatBytes([
          fromHex('0e'),
          new Writer().string(new Writer().utf8('ssh-rsa').bytes()).bytes(),
        ]),
      ),
      'unsupported',
    ],
    ['falls silent in the middle', fromHex('000000500e'), 'timeout'],
  ])('AC9: rejects when the agent %s', async (_name, bytes, kind) => {
    const agent = signingAgent(() => bytes);
    const mine = await signer(agent, { timeout: 300 });
    expect(await errorOf(Promise.resolve(mine.sign(data, 'ssh-ed25519')))).toMatchObject({ kind });
    expect(agent.connections.open).toBe(0);
  });

  it('lets the agent ask its user for longer than it waits otherwise', async () => {
    const mine = await signer(
      signingAgent(() => undefined),
      { timeout: 300, signTimeout: 400 },
    );
    const error = await errorOf(Promise.resolve(mine.sign(data, 'ssh-ed25519')));
    expect(isSshError(error, 'timeout') && error.detail.milliseconds).toBe(400);
  });

  it('lets the connection go when nobody waits for the signature any more', async () => {
    const agent = signingAgent(() => undefined);
    const mine = await signer(agent);
    const abort = new AbortController();
    const signature = errorOf(Promise.resolve(mine.sign(data, 'ssh-ed25519', abort.signal)));
    expect(agent.connections.open).toBe(1);
    abort.abort();
    expect(await signature).toMatchObject({ kind: 'aborted' });
    expect(agent.connections.open).toBe(0);
    const late = Promise.resolve(mine.sign(data, 'ssh-ed25519', abort.signal));
    expect(await errorOf(late)).toMatchObject({ kind: 'aborted' });
    expect(agent.connections.total).toBe(2);
  });
});

function signed(by: PrivateKey, data: Uint8Array): Uint8Array {
  const signature = by.sign(data, by.publicKey.type);
  if (signature instanceof Uint8Array) return signature;
  throw new Error('Ed25519 signs at once');
}
