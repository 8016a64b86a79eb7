/** Patterns with the wildcards `*` and `?`, as OpenSSH's files have them (ssh_config(5), "PATTERNS"). */

/**
 * Does the text match the pattern, in which `*` stands for any characters and `?` for one? The letter case counts. It takes time in
 * proportion to text times pattern, whatever the pattern: a regular expression could take for ever.
 *
 * @example `matchesWildcard('web7.example.org', 'web*.example.org')`
 */
export function matchesWildcard(text: string, pattern: string): boolean {
  return matchesPlaces(text.length, {
    length: pattern.length,
    isStar: (place) => pattern[place] === '*',
    takes: (place, at) => pattern[place] === '?' || pattern[place] === text[at],
  });
}

/** A pattern as a row of places, whatever they are made of. */
export interface Places {
  readonly length: number;
  /** Does the place stand for any characters, or none? */
  isStar(place: number): boolean;
  /** Does the place, which is no star, stand for the character of the text? */
  takes(place: number, at: number): boolean;
}

/** Does a text of so many characters match the places, from its beginning to its end? */
export function matchesPlaces(textLength: number, places: Places): boolean {
  const { length } = places;
  let at = 0;
  let place = 0;
  let star = -1;
  let starAt = 0;
  while (at < textLength) {
    if (place < length && places.isStar(place)) {
      star = place++;
      starAt = at;
    } else if (place < length && places.takes(place, at)) {
      place++;
      at++;
    } else if (star >= 0) {
      // only the last star has to take one more: an earlier one could not make more of the text match
      place = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (place < length && places.isStar(place)) place++;
  return place === length;
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
