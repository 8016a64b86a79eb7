/** Encoded terminal modes (RFC 4254 §8): opcode byte and uint32 value, until TTY_OP_END or an opcode of 160 and more. */
import { SshError } from '../errors.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

const TTY_OP_END = 0;
/** Opcodes from here on end the list: they have no argument that is known. */
const FIRST_UNDEFINED_OPCODE = 160;

/** Opcode → value. */
export type TerminalModes = ReadonlyMap<number, number>;

/** The modes that a pty-req carries. A missing end mark and a truncated last entry are forgiven, as OpenSSH does. */
export function decodeTerminalModes(bytes: Uint8Array): TerminalModes {
  const reader = new Reader(bytes, 'terminal modes');
  const modes = new Map<number, number>();
  while (reader.remaining >= 5) {
    const opcode = reader.byte();
    if (opcode === TTY_OP_END || opcode >= FIRST_UNDEFINED_OPCODE) break;
    modes.set(opcode, reader.uint32());
  }
  return modes;
}

/** The bytes of terminal modes, with the end mark. Throws `config` for what is no Map. */
export function encodeTerminalModes(modes: TerminalModes): Uint8Array {
  const writer = new Writer();
  if (!isMap(modes)) {
    const text = 'the modes of a terminal are a Map of opcodes to numbers';
    throw new SshError('config', text, { option: 'modes' });
  }
  for (const [opcode, value] of modes) writer.byte(opcode).uint32(value);
  return writer.byte(TTY_OP_END).bytes();
}

/** Of any realm. */
function isMap(modes: unknown): boolean {
  return Object.prototype.toString.call(modes) === '[object Map]';
}
