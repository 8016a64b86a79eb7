/** Every message number with a body, whole and broken: what the matrix of states and messages sends. */
import { bool, byte, cat, names, str, u32 } from './bytes.ts';
import type { RawPeer } from './raw-peer.ts';

/** One way to send a message. */
export interface Shape {
  readonly name: string;
  readonly payload: Buffer;
}

/** Numbers that have a message, in either direction. */
export const MESSAGE_NUMBERS: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 50, 51, 52, 53, 60, 61, 80, 81, 82],
  ...[90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 192],
];

/**
 * The fields of a message that is well-formed, one buffer each; of a number that has no message, some bytes.
 *
 * @param channel - the number of an open channel at the other end
 */
function fieldsOf(number: number, peer: RawPeer, channel: number): readonly Buffer[] {
  const id = u32(channel);
  switch (number) {
    case 1:
      return [u32(11), str('bye'), str('')];
    case 2:
      return [str('ignored')];
    case 3:
      return [u32(0)];
    case 4:
      return [bool(true), str('debug'), str('')];
    case 5:
    case 6:
      return [str('ssh-userauth')];
    case 7:
      return [u32(1), str('server-sig-algs'), str('ssh-ed25519')];
    case 20:
      return kexInitFields(peer.kexInit());
    case 21:
    case 52:
    case 82:
      return [];
    case 30:
      return [str(Buffer.alloc(32, 9))];
    case 31:
      return [str(peer.hostKey.blob), str(Buffer.alloc(32, 9)), str('signature')];
    case 50:
      return [str('me'), str('ssh-connection'), str('password'), bool(false), str('wrong')];
    case 51:
      return [names('password'), bool(false)];
    case 53:
      return [str('banner'), str('')];
    case 60:
      return [str('ssh-ed25519'), str('blob')];
    case 61:
      return [u32(1), str('answer')];
    case 80:
      return [str('x@spec'), bool(true), str('payload')];
    case 81:
      return [str('payload')];
    case 90:
      return [str('session'), u32(7), u32(0x200000), u32(0x8000), str('payload')];
    case 91:
      return [id, u32(7), u32(0x200000), u32(0x8000), str('payload')];
    case 92:
      return [id, u32(1), str('no'), str('')];
    case 93:
      return [id, u32(1)];
    case 94:
      return [id, str('data')];
    case 95:
      return [id, u32(1), str('data')];
    case 96:
    case 97:
    case 99:
    case 100:
      return [id];
    case 98:
      return [id, str('exec'), bool(true), str('true')];
    case 192:
      return [str('ping')];
    default:
      return [str('body')];
  }
}

function kexInitFields(payload: Buffer): readonly Buffer[] {
  const fields = [payload.subarray(1, 17)];
  let at = 17;
  for (let list = 0; list < 10; list++) {
    const end = at + 4 + payload.readUInt32BE(at);
    fields.push(payload.subarray(at, end));
    at = end;
  }
  return [...fields, payload.subarray(at, at + 1), payload.subarray(at + 1)];
}

/** A message as it should be. */
export function wellFormed(number: number, peer: RawPeer, channel: number): Buffer {
  return cat(byte(number), ...fieldsOf(number, peer, channel));
}

/**
 * A message in every broken shape: without a body, cut before and inside each field, with a byte too many. Numbers that have
 * no message are only sent well-formed: there is nothing to break.
 */
export function brokenShapes(number: number, peer: RawPeer, channel: number): readonly Shape[] {
  if (!MESSAGE_NUMBERS.includes(number)) return [];
  const fields = fieldsOf(number, peer, channel);
  const whole = cat(byte(number), ...fields);
  const shapes: Shape[] = [{ name: 'trailing', payload: cat(whole, byte(0)) }];
  let end = 1;
  fields.forEach((field, index) => {
    shapes.push({ name: `cut-${String(index)}`, payload: whole.subarray(0, end) });
    if (field.length > 1)
      shapes.push({
        name: `in-${String(index)}`,
        payload: whole.subarray(0, end + field.length - 1),
      });
    end += field.length;
  });
  return shapes;
}
