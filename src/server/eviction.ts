/** Maximum number of members. */
export const maxRemembered = 10_000;

/**
 * Makes room for one more member by removing the oldest tenth of a full Map or Set, both of which keep insertion order.
 * Removing one at a time would be slow, because the search for the oldest walks over all removed entries.
 */
export function evictOldest(members: Map<string, unknown> | Set<string>): void {
  if (members.size < maxRemembered) return;
  let excess = maxRemembered / 10;
  for (const member of members.keys()) {
    members.delete(member);
    excess -= 1;
    if (excess === 0) return;
  }
}
