/** Patterns with the wildcards `*` and `?`, as OpenSSH's files have them (ssh_config(5), "PATTERNS"). */

/**
 * Does the text match the pattern, in which `*` stands for any characters and `?` for one? The letter case counts. It takes time in
 * proportion to text times pattern, whatever the pattern: a regular expression could take for ever.
 *
 * @example `matchesWildcard('web7.example.org', 'web*.example.org')`
 */
export function matchesWildcard(text: string, pattern: string): boolean {
  let at = 0;
  let patternAt = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = pattern[patternAt];
    if (wanted === '*') {
      star = patternAt++;
      starAt = at;
    } else if (wanted === '?' || wanted === text[at]) {
      patternAt++;
      at++;
    } else if (star >= 0) {
      // Only the last star has to be tried again: an earlier one could not make more of the text match.
      patternAt = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}

/**
 * Does a list say yes: one of its patterns matches, and none of those with a `!` in front?
 *
 * @param patterns - with or without `!`
 * @param matches - compares with a pattern without its `!`
 */
export function matchesPatternList(
  patterns: readonly string[],
  matches: (pattern: string) => boolean,
): boolean {
  let isMatched = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!');
    if (!matches(isNegated ? pattern.slice(1) : pattern)) continue;
    if (isNegated) return false;
    isMatched = true;
  }
  return isMatched;
}
