import leven from 'leven';

/** Default maximum number of wrong letters, as a share of a known name's length. */
const defaultShare = 0.4;

/**
 * Returns the known name that was probably meant; undefined: none is similar. Upper and lower case are equal.
 *
 * @param maxDistance returns the maximum number of wrong letters of a known name
 */
export function closestName(
  name: string,
  known: readonly string[],
  maxDistance = (each: string) => defaultShare * each.length,
): string | undefined {
  const lowerCase = name.toLowerCase();
  let closest: string | undefined;
  let shortest = Number.POSITIVE_INFINITY;
  for (const each of known) {
    // Comparing ends early once this distance is exceeded.
    const limit = Math.floor(Math.min(maxDistance(each), shortest - 1));
    const distance = leven(lowerCase, each.toLowerCase(), { maxDistance: limit + 1 });
    if (distance <= limit) [closest, shortest] = [each, distance];
  }
  return closest;
}
