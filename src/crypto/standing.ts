/** How willingly an algorithm is used; every registry row has one. */

/**
 * `default`: offered unless the caller says otherwise. `offered`: works when the caller names it or adds it, safe enough.
 * `legacy`: weak, only ever by name.
 */
export type Standing = 'default' | 'offered' | 'legacy';

/** What every registry row has. */
export interface Row {
  /** The name on the wire. */
  readonly name: string;
  readonly standing: Standing;
}

/** Names of the rows that are offered by default, in order of preference. */
export function defaultNames(rows: readonly Row[]): readonly string[] {
  return rows.filter((row) => row.standing === 'default').map((row) => row.name);
}

/** The row of this name on the wire; `undefined` when there is none. */
export function findRow<R extends Row>(rows: readonly R[], name: string): R | undefined {
  return rows.find((row) => row.name === name);
}
