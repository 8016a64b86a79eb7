/** How much work something is: a busy machine makes it wait, which is none. */

/** Begins to count; the returned function says how many milliseconds of processor time this process has taken since. */
export function processorTime(): () => number {
  const begun = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
}
