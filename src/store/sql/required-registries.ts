/** Whether a registry is among names that are separated by commas. @param names expression; null: there are none */
export function isNamedIn(names: string): string {
  return `',' || ${names} || ',' LIKE '%,' || registry.name || ',%'`;
}

/**
 * Query: the lists in force that contain a number, of the registries that a lead type requires.
 *
 * @param isMobile comparison with the number, or with the number and its digests, such as `= $1`
 * @param names expression with the names of the registries, separated by commas
 */
export function listingsOf(isMobile: string, names: string): string {
  return `SELECT 1 FROM registry_entry JOIN registry ON registry.list_id = registry_entry.list_id
      WHERE registry_entry.mobile ${isMobile} AND ${isNamedIn(names)}`;
}
