/** Maximum number of members, beyond which the oldest tenth is forgotten. */
export const maxRemembered = 10_000;

/**
 * Makes room for one more member.
 *
 * A Map and a Set keep the order in which their members came. Many are forgotten at once, since whoever looks for the
 * oldest walks over all that were forgotten before: one at a time took a sixth of a server that is sent wrong keys from
 * ever new addresses (`npm run bench`, the row of 401).
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
