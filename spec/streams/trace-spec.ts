import { afterEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { collect } from '../../src/client/output-operators.ts';
import { withClient } from '../../src/client/with-client.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { PacketEvent, type TraceEvent, tracePacket } from '../../src/streams/trace.ts';
import { traceLevel, traceText } from '../../src/streams/trace-text.ts';
import { fromHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';
import {
  closeEmbedded,
  connected,
  embedded,
  type EmbeddedOptions,
  keepOpen,
  turn,
} from '../support/embedded.ts';

afterEach(closeEmbedded);

const PASSWORD = 'hunter2-of-alice';
const CODE = 'code-271828';

function echo(options: EmbeddedOptions = {}): ReturnType<typeof embedded> {
  return embedded((session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)), options);
}

function isPacket(event: TraceEvent): event is PacketEvent {
  return event.type === 'packet';
}

/** What passes on the wire in one direction, as one of the two ends tells it. */
function wire(events: readonly TraceEvent[], direction: 'in' | 'out'): readonly unknown[] {
  return events
    .filter(isPacket)
    .filter((event) => event.direction === direction)
    .map(({ sequenceNumber, message, bytes, channel }) => ({
      ...{ sequenceNumber, message, bytes, channel },
    }));
}

describe('the trace', () => {
  it('numbers what leaves as the other side numbers what comes, also what a key exchange has held back', async () => {
    const client: TraceEvent[] = [];
    const server: TraceEvent[] = [];
    const { client$ } = echo({
      client: { trace: (event) => client.push(event) },
      server: { trace: (event) => server.push(event) },
    });
    const open = await connected(client$);
    const rekeyed = lastValueFrom(open.rekey(), { defaultValue: undefined });
    // held: the keys are on their way
    const ran = lastValueFrom(open.exec('cat', { stdin: 'hello' }).pipe(collect()));
    expect((await ran).stdout).toBe('hello');
    await rekeyed;
    await turn();
    expect(wire(client, 'out').length).toBeGreaterThan(12);
    expect(wire(server, 'in')).toEqual(wire(client, 'out'));
    expect(wire(client, 'in')).toEqual(wire(server, 'out'));
  });

  it('tells states, who was logged in, channels and the end', async () => {
    const events: TraceEvent[] = [];
    const { client$ } = echo({ client: { trace: (event) => events.push(event) } });
    await lastValueFrom(
      client$.pipe(withClient((client) => client.exec('cat', { stdin: 'x' }).pipe(toArray()))),
    );
    await turn();
    const texts = events.filter((event) => !isPacket(event)).flatMap((event) => traceText(event));
    expect(texts).toEqual([
      'key exchange: proposed',
      expect.stringMatching(/^the peer is SSH-2\.0-rxssh/),
      'key exchange: exchanging',
      'key exchange: settling',
      'key exchange: awaiting-newkeys',
      'key exchange: idle',
      expect.stringMatching(/^SSH-2\.0-rxssh_\S+, key exchange curve25519-sha256$/),
      'to the server aes128-gcm@openssh.com',
      'from the server aes128-gcm@openssh.com',
      expect.stringMatching(/^host key ssh-ed25519 SHA256:\S+$/),
      expect.stringMatching(/^identification after \d+\.\d ms, keys after \d+\.\d ms more$/),
      'warning: the key exchange is not safe from quantum computers',
      'none for alice: rejected',
      'alice logged in by password',
      'channel 0 session: opening',
      'channel 0 session: open',
      'channel 0 session: closed',
      'the connection has ended: it was let go',
    ]);
  });

  it('warns of what is weaker than what is agreed on by default, each time anew', async () => {
    const warnings = async (kex: string, cipher: string): Promise<unknown[]> => {
      const told: TraceEvent[] = [];
      const algorithms = { kex: [kex], cipher: [cipher], mac: ['hmac-sha1'] };
      const { client$ } = echo({
        client: { algorithms, trace: (event) => told.push(event) },
        server: { algorithms },
      });
      const client = await connected(client$);
      await lastValueFrom(client.rekey(), { defaultValue: undefined });
      return told.flatMap((event) =>
        event.type === 'warning' ? [event.warning, event.message] : [],
      );
    };
    const hybrid = 'mlkem768x25519-sha256';
    expect(await warnings(hybrid, 'aes128-gcm@openssh.com')).toEqual([]);
    const once = [
      ...['not-post-quantum', 'the key exchange is not safe from quantum computers'],
      ...['legacy', 'weak algorithms: diffie-hellman-group14-sha1, 3des-cbc, hmac-sha1'],
    ];
    expect(await warnings('diffie-hellman-group14-sha1', '3des-cbc')).toEqual([...once, ...once]);
  });

  it('is told to those who subscribe to trace$, on both sides, and to nobody before and after', async () => {
    const { client$, events } = echo();
    const client = await connected(client$);
    // the server's host keys are answered
    await turn();
    const { connection } = events[0] ?? {};
    expect(client.connection.transport.trace).toBeUndefined();
    const seen: TraceEvent[] = [];
    const served: TraceEvent[] = [];
    const subscription = client.trace$.subscribe((event) => seen.push(event));
    keepOpen(connection?.trace$.subscribe((event) => served.push(event)) ?? subscription);
    client.sendIgnore(new Uint8Array(7));
    await turn();
    const before = seen.length;
    expect(seen.filter(isPacket)).toMatchObject([
      { direction: 'out', message: 'IGNORE', bytes: 12 },
    ]);
    expect(served.filter(isPacket)).toMatchObject([
      { direction: 'in', message: 'IGNORE', bytes: 12 },
    ]);
    subscription.unsubscribe();
    expect(client.connection.transport.trace).toBeUndefined();
    client.sendIgnore();
    await turn();
    expect([before, seen.length, served.length]).toEqual([1, 1, 2]);
  });

  it('may be told to somebody who sends something at once: what leaves stays whole', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    keepOpen(
      client.trace$.subscribe((event) => {
        if (isPacket(event) && event.direction === 'out' && event.message !== 'IGNORE')
          client.sendIgnore(new Uint8Array(Math.min(event.bytes, 20_000)));
      }),
    );
    const text = 'whole '.repeat(10_000);
    const ran = client.exec('cat', { stdin: text }).pipe(collect());
    expect((await lastValueFrom(ran)).stdout).toBe(text);
    await lastValueFrom(client.rekey(), { defaultValue: undefined });
    expect((await lastValueFrom(ran)).stdout).toBe(text);
  });

  it('is complete at once when the connection is over', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    client.disconnect();
    await turn();
    expect(await lastValueFrom(client.trace$.pipe(toArray()))).toEqual([]);
  });

  it('ends the connection when the tracer throws, at the end of it, too', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const always = echo({ client: { trace: boom } });
    await expect(connected(always.client$)).rejects.toMatchObject({
      ...{ kind: 'config', message: 'trace has thrown: boom', detail: { option: 'trace' } },
    });
    const atEnd = echo({ client: { trace: ({ type }) => type === 'closed' && boom() } });
    const client = await connected(atEnd.client$);
    client.disconnect();
    expect(await lastValueFrom(client.closed$)).toMatchObject({ kind: 'disconnect' });
  });

  it('completes with the connection, behind how it ended', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    const seen = lastValueFrom(client.trace$.pipe(toArray()));
    client.disconnect();
    expect((await seen).map(({ type }) => type)).toEqual(['packet', 'closed']);
  });

  it('L5: has no secret in it, whatever is asked for', async () => {
    const told: string[] = [];
    const trace = (event: TraceEvent): void => {
      told.push(...traceText(event, { hex: true }), JSON.stringify(event));
      if (isPacket(event)) told.push(event.hex({ contents: true }) ?? '');
    };
    const prompts = [{ prompt: 'Code: ', echo: false }];
    const { client$ } = echo({
      client: {
        ...{ trace, password: PASSWORD, methods: ['password', 'keyboard-interactive'] },
        keyboardInteractive: () => [CODE],
      },
      server: {
        trace,
        authentication: { methods: ['password', 'keyboard-interactive'], failureDelay: 0 },
        authenticate: (attempt) =>
          attempt.method === 'keyboard-interactive'
            ? new Promise((resolve) => {
                keepOpen(attempt.ask({ prompts }).subscribe(([code]) => resolve(code === CODE)));
              })
            : { partial: true, methodsLeft: ['keyboard-interactive'] },
      },
    });
    await connected(client$);
    const all = told.join('\n');
    expect(all).toContain('USERAUTH_INFO_RESPONSE');
    for (const secret of [PASSWORD, CODE]) {
      const hex = Buffer.from(secret).toString('hex');
      expect(all).not.toContain(secret);
      expect(all).not.toContain(hex);
      // nor how long it is
      expect(all).not.toContain(`${String(secret.length)} bytes`);
    }
  });

  it('L3: has no control character in its text, wherever it comes from', () => {
    const nasty = 'a\u001b]0;x\u0007\u202eb\nc';
    const lines = [
      { type: 'identification', line: nasty },
      { type: 'debug', message: nasty, alwaysDisplay: true },
      { type: 'auth', user: nasty, method: nasty, outcome: 'accepted', with: nasty },
      { type: 'host-keys', outcome: nasty },
      { type: 'channel', channel: 1, channelType: nasty, state: 'open' },
    ] as const;
    for (const event of lines)
      expect(traceText(event).join('')).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe('PacketEvent', () => {
  const hexOf = (message: string, payload: Writer, contents = false): string | undefined => {
    let hex: string | undefined;
    tracePacket(
      (event) => (hex = isPacket(event) ? event.hex({ contents }) : undefined),
      ...['in' as const, 3, message, payload.view()],
    );
    return hex;
  };

  it.each([
    ['none', '[nothing]'],
    ['publickey', 'abc'],
    ['password', '[secret]'],
    ['of-somebody-else', '[secret]'],
  ])('shows of a USERAUTH_REQUEST by %s what is no secret', (method, shown) => {
    const data = utf8Bytes('abc');
    const payload = new Writer().byte(50).utf8('me').utf8('ssh-connection').utf8(method);
    const head = Buffer.from(payload.bytes()).toString('hex');
    const hex = hexOf('USERAUTH_REQUEST', payload.raw(data)) ?? '';
    expect(hex).toBe(shown === '[secret]' ? `${head} [secret]` : `${head}616263`);
  });

  it('shows what channels carry only to those who ask for it, and a cookie of X11 to nobody', () => {
    const data = new Writer().byte(94).uint32(7).utf8('sudo');
    expect(hexOf('CHANNEL_DATA', data)).toBe('5e00000007 [8 bytes]');
    expect(hexOf('CHANNEL_DATA', data, true)).toBe('5e00000007000000047375646f');
    const request = (name: string): Writer =>
      new Writer().byte(98).uint32(7).utf8(name).boolean(true).utf8('cookie');
    expect(hexOf('CHANNEL_REQUEST', request('exec'))).toMatch(/01 \[10 bytes\]$/);
    expect(hexOf('CHANNEL_REQUEST', request('exec'), true)).toMatch(/636f6f6b6965$/);
    expect(hexOf('CHANNEL_REQUEST', request('x11-req'), true)).toMatch(/01 \[secret\]$/);
  });

  it('shows nothing of a message that was not read', () => {
    const answer = new Writer().byte(61).uint32(1).utf8('hunter2');
    expect(hexOf('61', answer, true)).toBe('3d [secret]');
  });

  it('names the channel of a message, also the one that opens it', () => {
    const open = new Writer().byte(90).utf8('session').uint32(5).uint32(1).uint32(1);
    const event = new PacketEvent('out', 0, 'CHANNEL_OPEN', open.view());
    expect([event.channel, event.bytes]).toEqual([5, 24]);
    expect(traceText(event)).toEqual(['sent 0 CHANNEL_OPEN channel 5, 24 bytes']);
    expect(new PacketEvent('in', 0, 'IGNORE', fromHex('0200000000')).channel).toBeUndefined();
  });

  it('has no bytes any more when it was told', () => {
    const kept: TraceEvent[] = [];
    tracePacket((event) => kept.push(event), 'in', 0, 'IGNORE', fromHex('0200000000'));
    const [event] = kept;
    expect(event && isPacket(event) && [event.hex(), traceText(event, { hex: true })]).toEqual([
      undefined,
      ['received 0 IGNORE, 5 bytes: '],
    ]);
  });

  it('is believed in nothing: cut anywhere, it shows what is there', () => {
    const whole = new Writer().byte(50).utf8('me').utf8('ssh-connection').utf8('password');
    const bytes = whole.utf8('pw').bytes();
    for (let length = 1; length <= bytes.length; length++) {
      const event = new PacketEvent('in', 0, 'USERAUTH_REQUEST', bytes.subarray(0, length));
      expect(event.hex()).not.toContain('7077');
    }
  });

  it('is of the highest level', () => {
    expect(traceLevel(new PacketEvent('in', 0, 'IGNORE', new Uint8Array(5)))).toBe(3);
  });
});

describe('what a client and a server’s connection know', () => {
  it('counts packets and bytes of both directions, through new keys', async () => {
    const { client$, events } = echo();
    const client = await connected(client$);
    const { connection } = events[0] ?? {};
    const before = client.counters;
    await lastValueFrom(client.rekey(), { defaultValue: undefined });
    await lastValueFrom(client.exec('cat', { stdin: new Uint8Array(5000) }).pipe(collect()));
    await turn();
    const after = client.counters;
    expect(after.bytesSent - before.bytesSent).toBeGreaterThan(5000);
    expect(after.packetsSent).toBeGreaterThan(before.packetsSent);
    expect(connection?.counters).toEqual({
      packetsSent: after.packetsReceived,
      bytesSent: after.bytesReceived,
      packetsReceived: after.packetsSent,
      bytesReceived: after.bytesSent,
    });
  });

  it('has the host key, the user, and how long it took', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    expect([client.serverKey?.type, client.user]).toEqual(['ssh-ed25519', 'alice']);
    const { dial, identification, keyExchange, login } = client.timings;
    for (const time of [dial, identification, keyExchange, login])
      expect(time).toBeGreaterThanOrEqual(0);
    expect(keyExchange).toBeGreaterThan(0);
    expect(client.handshake.timings).toEqual({ identification, keyExchange });
  });

  it('sends no more to ignore than a packet takes', async () => {
    const client = await connected(echo().client$);
    expect(() => client.sendIgnore(new Uint8Array(32 * 1024 + 1))).toThrow('32 KiB');
    client.sendIgnore(new Uint8Array(32 * 1024));
    const { stdout } = await lastValueFrom(client.exec('cat', { stdin: 'x' }).pipe(collect()));
    expect(stdout).toBe('x');
  });
});
