/** What holds for each WebAssembly module of ours. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import wabt from 'wabt';
import { toBase64 } from '../../src/wire/bytes.ts';

const globals = globalThis as { WebAssembly?: object };
const api = globals.WebAssembly;

/**
 * The specs of a module, inside of a `describe`.
 *
 * @param name - of its text in src/crypto, without `.wat`
 * @param module - what was made of that, in base64
 * @param make - makes what the module is for, or nothing
 */
export function itIsAModule(name: string, module: string, make: () => unknown): void {
  afterEach(() => {
    if (api !== undefined) globals.WebAssembly = api;
  });

  it(`is the module of ${name}.wat`, async () => {
    const { parseWat } = await wabt();
    const text = readFileSync(`src/crypto/${name}.wat`, 'utf8');
    expect(toBase64(parseWat(`${name}.wat`, text).toBinary({}).buffer)).toBe(module);
  });

  it('is not there without WebAssembly', () => {
    delete globals.WebAssembly;
    expect(make()).toBeUndefined();
  });

  it.each(['refused by the content security policy', 'invalid opcode'])(
    'is not there where WebAssembly says: %s',
    (why) => {
      const refuse = (): never => {
        throw new Error(why);
      };
      globals.WebAssembly = { Module: refuse, Instance: refuse };
      expect(make()).toBeUndefined();
    },
  );
}
