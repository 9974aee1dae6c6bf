import leven from 'leven';

/** Default maximum number of wrong letters, as a share of a known name's length. */
const defaultShare = 0.4;

/**
 * Returns the known name that was probably meant; undefined: none is similar. Upper and lower case are equal.
 *
 * @param maxDistance returns the maximum number of wrong letters of a known name
 * @param distanceOf counts the wrong letters; by default, two that have changed places count as two
 */
export function closestName(
  name: string,
  known: readonly string[],
  maxDistance = (each: string) => defaultShare * each.length,
  distanceOf: typeof leven = leven,
): string | undefined {
  const lowerCase = name.toLowerCase();
  let closest: string | undefined;
  let shortest = Number.POSITIVE_INFINITY;
  for (const each of known) {
    // Comparing ends early once this distance is exceeded.
    const limit = Math.floor(Math.min(maxDistance(each), shortest - 1));
    const distance = distanceOf(lowerCase, each.toLowerCase(), { maxDistance: limit + 1 });
    if (distance <= limit) [closest, shortest] = [each, distance];
  }
  return closest;
}

/**
 * Returns the number of wrong letters between two texts, in which two neighbours that have changed places, once, count
 * as one wrong letter.
 */
export function typingDistance(one: string, other: string, options?: Parameters<typeof leven>[2]): number {
  const distances = Array.from({ length: Math.max(0, one.length - 1) }, (_, index) => {
    const swapped = `${one.slice(0, index)}${one[index + 1]}${one[index]}${one.slice(index + 2)}`;
    return 1 + leven(swapped, other, options);
  });
  return Math.min(leven(one, other, options), ...distances);
}
