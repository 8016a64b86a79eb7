/** Options that were not given are left out, so that defaults are the library's. */

/** The fields that are not `undefined`. */
export function defined<T extends object>(
  fields: T,
): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<{ [K in keyof T]: Exclude<T[K], undefined> }>;
}
