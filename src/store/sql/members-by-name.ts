/**
 * Merges rows of the same name, each with one member, into one with all members. Sorts both here: the collation of a
 * PostgreSQL database may order names differently.
 */
export function membersByName<Row extends { name: string; member: string | null }>(
  rows: readonly Row[],
): (Omit<Row, 'member'> & { members: string[] })[] {
  const groups = Map.groupBy(rows, ({ name }) => name);
  return [...groups.keys()].toSorted().flatMap((name) => {
    const group = groups.get(name) ?? [];
    const members = group.flatMap(({ member }) => member ?? []).toSorted();
    return group.slice(0, 1).map(({ member: _, ...row }) => ({ ...row, members }));
  });
}
