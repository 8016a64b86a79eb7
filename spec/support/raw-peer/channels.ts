/** A session with one channel between a raw peer and our end, whichever of them opens it. */
import type { Channel } from '../../../src/channels/channel.ts';
import type { RawOptions } from './kex-peer.ts';
import type { RawChannel } from './raw-peer.ts';
import { duel, type Duel, type SubjectOptions } from './subject.ts';

/** Both ends of a channel. */
export interface ChannelDuel extends Duel {
  /** Ours. Nobody reads it and nothing was written. */
  readonly channel: Channel;
  /** What the raw peer knows of it; `raw.peer` is our number. */
  readonly raw: RawChannel;
}

/** What the raw peer says of its end. */
export interface Limits {
  readonly window?: number;
  readonly maximumPacket?: number;
}

/** Logs in and opens a channel on which nothing is done yet. */
export async function channelDuel(
  options: SubjectOptions,
  limits: Limits = {},
  raw: Partial<RawOptions> = {},
  wire: Parameters<typeof duel>[2] = {},
): Promise<ChannelDuel> {
  const situation = duel({ session: () => undefined, ...options }, raw, wire);
  await situation.peer.session();
  await situation.subject.connected();
  return anotherChannel(situation, limits, options.channel);
}

/** Opens one more channel. */
export async function anotherChannel(
  { peer, subject }: Duel,
  limits: Limits = {},
  options: SubjectOptions['channel'] = {},
): Promise<ChannelDuel> {
  const opened: Channel[] = [];
  const { length } = subject.channels;
  if (subject.role === 'client')
    subject.open(options).subscribe({
      next: (channel) => {
        opened.push(channel);
        subject.touch();
      },
      error: () => undefined,
    });
  const raw = await peer.channel(limits);
  const look = (): Channel | undefined => opened[0] ?? subject.channels[length];
  return { peer, subject, raw, channel: await subject.when('the channel', look) };
}

/** Bytes whose place can be told. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(at, at);
  return bytes;
}
