/** Does something with each item, so many at once. */
export async function eachOf<T>(
  items: Iterable<T>,
  atOnce: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) await action(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
