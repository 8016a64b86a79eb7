/** The raw peer: a scripted SSH peer in either role, with a codec and crypto of its own. Logins and channels stand here. */
import { bool, byte, cat, Cursor, str } from './bytes.ts';
import { KexPeer, type RawKey, rawKey, rawSignature } from './kex-peer.ts';
import * as message from './messages.ts';

/** A channel as the raw peer sees it. */
export interface RawChannel {
  /** Our number. */
  readonly own: number;
  /** The other end's number. */
  readonly peer: number;
  readonly type: string;
  /** What the other end's window was at first, and its maximum packet size. */
  readonly window: number;
  readonly maximumPacket: number;
}

/** How a raw client logs in. */
export type RawLogin = 'none' | 'publickey' | { readonly password: string };

/** Either end of a session. */
export class RawPeer extends KexPeer {
  #nextChannel = 100;

  /** Asks for ssh-userauth (client). */
  async requestService(): Promise<void> {
    this.send(message.serviceRequest());
    await this.until(message.Msg.SERVICE_ACCEPT);
  }

  /** Asks for the service and logs in (client). */
  async login(how: RawLogin = { password: 'right' }, user = 'me'): Promise<void> {
    await this.requestService();
    this.send(this.loginRequest(how, user));
    await this.until(message.Msg.AUTH_SUCCESS);
  }

  /** A USERAUTH_REQUEST. */
  loginRequest(how: RawLogin, user = 'me', key: RawKey = rawKey()): Buffer {
    if (how === 'none') return message.none(user);
    if (how !== 'publickey') return message.password(how.password, user);
    const start = cat(message.authRequest(user, 'publickey'), bool(true), str('ssh-ed25519'));
    const request = cat(start, str(key.blob));
    const signed = cat(str(this.sessionId ?? ''), request);
    return cat(request, str(rawSignature(key, signed)));
  }

  /** Grants the service and the first request that comes (server). Returns what the request was. */
  async acceptLogin(): Promise<{ readonly user: string; readonly method: string }> {
    await this.acceptService();
    const cursor = new Cursor((await this.until(message.Msg.AUTH_REQUEST)).payload).skip(1);
    const user = cursor.text();
    cursor.str();
    const method = cursor.text();
    this.send(message.authSuccess());
    return { user, method };
  }

  /** Grants ssh-userauth (server). */
  async acceptService(): Promise<void> {
    await this.until(message.Msg.SERVICE_REQUEST);
    this.send(message.serviceAccept());
  }

  /** Handshake and login, as whichever end this is. */
  async session(): Promise<this> {
    await this.handshake();
    if (this.role === 'client') await this.login();
    else await this.acceptLogin();
    return this;
  }

  /** Opens a channel. */
  async openChannel(
    type = 'session',
    { window = 0x200000, maximumPacket = 0x8000 } = {},
  ): Promise<RawChannel> {
    const own = this.#nextChannel++;
    this.send(message.open(type, own, window, maximumPacket));
    const cursor = new Cursor((await this.until(message.Msg.OPEN_CONFIRMATION)).payload).skip(5);
    return { own, type, peer: cursor.u32(), window: cursor.u32(), maximumPacket: cursor.u32() };
  }

  /** Waits for the other end's OPEN and does not answer it. */
  async receiveOpen(): Promise<RawChannel> {
    const cursor = new Cursor((await this.until(message.Msg.OPEN)).payload).skip(1);
    const type = cursor.text();
    const [peer, window, maximumPacket] = [cursor.u32(), cursor.u32(), cursor.u32()];
    return { own: this.#nextChannel++, peer, type, window, maximumPacket };
  }

  /** Waits for the other end's OPEN and confirms it. */
  async acceptChannel({ window = 0x200000, maximumPacket = 0x8000 } = {}): Promise<RawChannel> {
    const channel = await this.receiveOpen();
    this.send(message.confirm(channel.peer, channel.own, window, maximumPacket));
    return channel;
  }

  /** A channel, opened by whichever end opens channels. */
  async channel(limits: { window?: number; maximumPacket?: number } = {}): Promise<RawChannel> {
    return this.role === 'client'
      ? this.openChannel('session', limits)
      : this.acceptChannel(limits);
  }

  /** Collects CHANNEL_DATA until so many bytes are there. */
  async readData(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let received = 0;
    while (received < length) {
      const bytes = new Cursor((await this.until(message.Msg.DATA)).payload).skip(5).str();
      pieces.push(bytes);
      received += bytes.length;
    }
    return Buffer.concat(pieces);
  }

  /** A message of nothing but its number. */
  sendNumber(number: number): number {
    return this.send(byte(number));
  }
}
