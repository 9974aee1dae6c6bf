const day = 86_400_000;

/**
 * Returns the maximum age of the lists of a registry for which nobody has decided (ms). A listing with TPS or CTPS
 * takes effect after 28 days; the registry of the United States must be read at least every 31 days.
 */
export function defaultMaxAge(registry: string): number {
  return (registry === 'tps' || registry === 'ctps' ? 28 : 31) * day;
}

/** A list of a registry. */
interface RegistryList {
  /** Maximum age (ms). */
  maxAge: number;
  /** Date of the list (ms since 1970); null: there is none. */
  datedAt: number | null;
}

/** Whether a list is missing, or older than its registry permits. @param now milliseconds since 1970 */
export function isOutdated({ datedAt, maxAge }: RegistryList, now: number): boolean {
  return datedAt === null || now - datedAt > maxAge;
}
