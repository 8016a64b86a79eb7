/**
 * The lines of known_hosts: `[@marker] hosts type base64 [comment]`. A line that is wrong but says for which hosts it was
 * meant is kept, without a key, so that nobody mistakes those hosts for unknown ones.
 */
import { escapeText, isSshError } from '../errors.ts';
import { fromBase64 } from '../wire/bytes.ts';
import { type HostPatterns, parseHostPatterns } from './host-patterns.ts';
import { splitField } from './key-format.ts';
import { parsePublicKeyFields } from './public-key.ts';

/** `unknown` is a marker that is none, or one too many: it may have been meant as `@revoked`. */
export type KnownHostsMarker = 'none' | 'revoked' | 'cert-authority' | 'unknown';

/** One line. */
export interface KnownHostsEntry {
  readonly marker: KnownHostsMarker;
  readonly patterns: HostPatterns;
  /** Type of the key as the line declares it. */
  readonly type: string;
  /** The key; `undefined` when it cannot be read. Types that are not supported are kept as they are. */
  readonly blob: Uint8Array | undefined;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A line that could not be read. */
export interface KnownHostsProblem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong; safe to show. */
  readonly message: string;
}

/** Longest line: 64 KiB hold 3 KiB of key and hundreds of names. */
const MAX_LINE_LENGTH = 65536;

const MARKERS: ReadonlyMap<string, KnownHostsMarker> = new Map([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'cert-authority'],
]);

/** Reads all lines of a file; linear in its length. */
export function parseKnownHostsLines(
  text: string,
  file: string,
): {
  readonly entries: readonly KnownHostsEntry[];
  readonly problems: readonly KnownHostsProblem[];
} {
  const entries: KnownHostsEntry[] = [];
  const problems: KnownHostsProblem[] = [];
  text.split('\n').forEach((content, index) => {
    const line = index + 1;
    const parsed = parseLine(content.endsWith('\r') ? content.slice(0, -1) : content);
    if (parsed === undefined) return;
    const { problem, patterns, marker, type, blob } = parsed;
    if (problem !== undefined) problems.push({ file, line, message: problem });
    if (patterns !== undefined) entries.push({ marker, patterns, type, blob, file, line });
  });
  return { entries, problems };
}

interface ParsedLine {
  readonly marker: KnownHostsMarker;
  readonly patterns: HostPatterns | undefined;
  readonly type: string;
  readonly blob: Uint8Array | undefined;
  readonly problem: string | undefined;
}

function parseLine(content: string): ParsedLine | undefined {
  const isTooLong = content.length > MAX_LINE_LENGTH;
  const { marker, unmarked } = readMarkers(content.slice(0, MAX_LINE_LENGTH));
  const [hosts, afterHosts] = splitField(unmarked);
  if (marker === 'none' && (hosts === '' || hosts.startsWith('#'))) return undefined;

  const patterns = hosts === '' ? undefined : parseHostPatterns(hosts);
  const [type, afterType] = splitField(afterHosts);
  const [base64] = splitField(afterType);
  const bad = (problem: string): ParsedLine => ({
    marker,
    patterns,
    type,
    blob: undefined,
    problem,
  });
  if (isTooLong) return bad(`line of ${String(content.length)} characters`);
  if (marker === 'unknown') return bad('marker that is not known, or more than one marker');
  if (hosts === '') return bad('marker without hosts');
  if (patterns === undefined) return bad('hashed host name that is malformed');
  if (base64 === '') return bad('no key after the hosts');
  const key = readKey(type, base64);
  return key instanceof Uint8Array
    ? { marker, patterns, type, blob: key, problem: undefined }
    : bad(key);
}

function readMarkers(line: string): {
  readonly marker: KnownHostsMarker;
  readonly unmarked: string;
} {
  let marker: KnownHostsMarker = 'none';
  let [field, rest] = splitField(line);
  let unmarked = line;
  while (field.startsWith('@')) {
    marker = marker === 'none' ? (MARKERS.get(field) ?? 'unknown') : 'unknown';
    unmarked = rest;
    [field, rest] = splitField(rest);
  }
  return { marker, unmarked };
}

/** The key's blob, or what is wrong with it. */
function readKey(type: string, base64: string): Uint8Array | string {
  try {
    return parsePublicKeyFields(type, base64).blob;
  } catch (error) {
    if (!isSshError(error, 'key-format')) throw error;
    // A key of a type that is not supported can still be recognised, and be revoked.
    const blob = error.detail.reason === 'unsupported' ? fromBase64(base64) : undefined;
    return blob ?? escapeText(error.message, 200);
  }
}
