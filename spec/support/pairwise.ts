/** Combinations of parameters: all of them, or as few as have every two values of two parameters together once. */

/** Every combination. */
export function product<T>(parameters: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return parameters.reduce<readonly (readonly T[])[]>(
    (rows, values) => rows.flatMap((row) => values.map((value) => [...row, value])),
    [[]],
  );
}

/** Combinations in which any two values of any two parameters meet; chosen greedily, the same each time. */
export function pairwise(
  parameters: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  const open = pairsOf(parameters);
  const rows: (readonly string[])[] = [];
  for (const first of open) {
    const row: (string | undefined)[] = parameters.map(() => undefined);
    for (const [at, value] of JSON.parse(first) as readonly [number, string][]) row[at] = value;
    parameters.forEach((values, at) => {
      row[at] ??= values.reduce((best, value) =>
        gain(open, row, at, value) > gain(open, row, at, best) ? value : best,
      );
    });
    const whole = row.map((value) => value ?? '');
    for (const pair of pairsOf(whole.map((value) => [value]))) open.delete(pair);
    rows.push(whole);
  }
  return rows;
}

/** What two parameters can be together, as texts. */
function pairsOf(parameters: readonly (readonly string[])[]): Set<string> {
  const pairs = new Set<string>();
  parameters.forEach((values, a) => {
    parameters.slice(a + 1).forEach((others, offset) => {
      for (const value of values)
        for (const other of others) pairs.add(textOf(a, value, a + 1 + offset, other));
    });
  });
  return pairs;
}

/** How many pairs that have not been there yet a value would bring. */
function gain(
  open: ReadonlySet<string>,
  row: readonly (string | undefined)[],
  at: number,
  value: string,
): number {
  return row.filter((other, index) => {
    if (other === undefined || index === at) return false;
    return open.has(index < at ? textOf(index, other, at, value) : textOf(at, value, index, other));
  }).length;
}

function textOf(a: number, value: string, b: number, other: string): string {
  return JSON.stringify([
    [a, value],
    [b, other],
  ]);
}
