/** `rxssh keygen -F`, `-R` and `-H`: looks into known_hosts, and changes it. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defer, type Observable, of } from 'rxjs';
import {
  type EditedKnownHosts,
  hashKnownHosts,
  parseKnownHosts,
  removeKnownHost,
} from '../keys/index.ts';
import { escapeText } from '../node.ts';
import type { CliIo } from './io.ts';
import type { KeygenFlags } from './keygen.ts';
import { replaceFile } from './replace-file.ts';
import { UsageError } from './usage.ts';
import { integer } from './values.ts';

const MODE = 0o600;

/** Cold: prints the lines that speak of a host. Emits 0, or 1 when there is none, and completes. */
export function findHost(name: string, flags: KeygenFlags, io: CliIo): Observable<number> {
  const { host, port } = parseHost(name);
  return defer(() => {
    const text = readFileSync(fileOf(flags), 'utf8');
    const found = parseKnownHosts(text, fileOf(flags)).find(host, port);
    const lines = text.split('\n');
    for (const { line } of found) {
      if (flags.q !== true)
        io.stdout.write(`# Host ${escapeText(name)} found: line ${String(line)}\n`);
      io.stdout.write(`${lines[line - 1] ?? ''}\n`);
    }
    return of(found.length === 0 ? 1 : 0);
  });
}

/** Cold: takes the keys of a host out of the file. Emits 0, or 1 when there was none, and completes. */
export function removeHost(name: string, flags: KeygenFlags, io: CliIo): Observable<number> {
  const { host, port } = parseHost(name);
  return defer(() => {
    const { lines } = edit(flags, io, (text) => removeKnownHost(text, host, port));
    if (lines.length === 0) io.stderr.write(`rxssh: ${escapeText(name)} not found\n`);
    return of(lines.length === 0 ? 1 : 0);
  });
}

/** Cold: hides the names in the file behind hashes. Emits 0 and completes. */
export function hashHosts(flags: KeygenFlags, io: CliIo): Observable<number> {
  return defer(() => {
    const { lines } = edit(flags, io, (text) => hashKnownHosts(text));
    if (lines.length > 0 && flags.q !== true)
      io.stderr.write('The old file has the names still: delete it to hide them.\n');
    return of(0);
  });
}

/** The old file stays as FILE.old. */
function edit(
  flags: KeygenFlags,
  io: CliIo,
  change: (text: string) => EditedKnownHosts,
): EditedKnownHosts {
  const file = fileOf(flags);
  const edited = change(readFileSync(file, 'utf8'));
  if (edited.lines.length === 0) return edited;
  replaceFile(file, edited.text, MODE, `${file}.old`);
  if (flags.q !== true)
    io.stdout.write(`${escapeText(file)} updated; what it was is in ${escapeText(file)}.old\n`);
  return edited;
}

function fileOf({ f }: KeygenFlags): string {
  return f ?? join(homedir(), '.ssh', 'known_hosts');
}

/** `db1`, or `[db1]:2222`. */
function parseHost(text: string): { readonly host: string; readonly port?: number } {
  if (text === '') throw new UsageError('the name of a host is missing');
  const [, host, port] = /^\[([^\]]+)\]:(\d+)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) return { host: text };
  return { host, port: integer('port', port, 1, 65_535) };
}
