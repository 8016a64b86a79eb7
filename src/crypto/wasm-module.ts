/** Our own WebAssembly modules, which are part of the program as text. */
import { fromBase64 } from '../wire/bytes.ts';

/** The part of the WebAssembly API that is used. Neither Node's types nor a page's are those of this package. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/**
 * What a module exports.
 *
 * @param text - the module in base64
 * @returns `undefined` where there is no WebAssembly, where it may not be used (the content security policy of a page), and where
 *   it does not know the module's instructions
 */
export function wasmExports(text: string): unknown {
  try {
    const { Module, Instance } =
      (globalThis as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly ?? {};
    const bytes = fromBase64(text);
    if (Module === undefined || Instance === undefined || bytes === undefined) return undefined;
    return new Instance(new Module(bytes)).exports;
  } catch {
    return undefined;
  }
}
