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
  const distances = known.map((each) => ({ each, distance: leven(name.toLowerCase(), each.toLowerCase()) }));
  const [nearest] = distances.toSorted((one, other) => one.distance - other.distance);
  return nearest !== undefined && nearest.distance <= maxDistance(nearest.each) ? nearest.each : undefined;
}
