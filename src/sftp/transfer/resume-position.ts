/** Where a file that was transferred in part goes on. */
import { every, forkJoin, map, type Observable } from 'rxjs';
import { drain } from '../../operators/drain.ts';
import { fromPull } from '../../operators/from-pull.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { collectBytes } from '../client/collect-bytes.ts';
import type { SourceFile, TargetFile } from './transfer-files.ts';

/** Bytes in front of the end that are compared. */
const TAIL = 64 * 1024;
/** Bytes that are compared at a time. */
const PIECE = 1024 * 1024;

interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * Where to go on: behind what is there, when that is what the source has, and otherwise at the beginning.
 *
 * @param verify - compare the last 64 KiB, or all of it
 */
export function resumePosition(
  source: SourceFile,
  target: TargetFile,
  verify: 'tail' | 'all' = 'tail',
): Observable<number> {
  const { kept } = target;
  const first = verify === 'all' ? 0 : Math.max(0, kept - TAIL);
  return fromPull(pieces(first, kept)).pipe(
    drain((piece) =>
      forkJoin([
        source.bytes(piece).pipe(collectBytes()),
        target.bytes(piece).pipe(collectBytes()),
      ]).pipe(
        map(
          ([ours, theirs]) => ours.length === piece.end - piece.start && equalBytes(ours, theirs),
        ),
      ),
    ),
    every((isEqual) => isEqual),
    map((isEqual) => (isEqual ? kept : 0)),
  );
}

function* pieces(start: number, end: number): Iterable<Piece> {
  for (let at = start; at < end; at += PIECE) yield { start: at, end: Math.min(at + PIECE, end) };
}
