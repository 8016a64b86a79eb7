/** src/crypto/*.wat -> *.wasm.ts: run it when the text of a module has changed. A spec compares the two. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Buffer } from 'node:buffer';
import wabt from 'wabt';

const { parseWat } = await wabt();

for (const name of ['chacha20', 'poly1305', 'sntrup761']) {
  const file = new URL(`../src/crypto/${name}.wat`, import.meta.url);
  const { buffer } = parseWat(`${name}.wat`, readFileSync(file, 'utf8')).toBinary({});
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,120}/g);
  writeFileSync(
    new URL(`../src/crypto/${name}.wasm.ts`, import.meta.url),
    `/** Made of ${name}.wat by \`npm run wasm\`: a WebAssembly module in base64. */
export const ${name}Module =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`,
  );
}
