/** Makes the page of its sources: index.html, main.js and style.css in one folder. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

const SOURCES = 'examples/browser/page';

/** @returns the folder */
export async function bundlePage(folder: string, options: BuildOptions = {}): Promise<string> {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(SOURCES, 'index.html'), join(folder, 'index.html'));
  await build({
    entryPoints: [join(SOURCES, 'main.ts'), join(SOURCES, 'style.css')],
    outdir: folder,
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    // the package by its name, and not where tsconfig.json leads to
    tsconfigRaw: {},
    logLevel: 'error',
    ...options,
  });
  return folder;
}
