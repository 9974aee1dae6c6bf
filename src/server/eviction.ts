/** Maximum number of members of a Map or Set that clients can fill. */
const maxMembers = 10_000;

/**
 * Makes room for a member by removing the oldest tenth of a full Map or Set, which keep insertion order. Removing one
 * at a time would be slow, because V8 scans past all removed members to find the oldest one.
 */
export function evictOldest(members: Map<string, unknown> | Set<string>): void {
  if (members.size < maxMembers) return;
  let excess = maxMembers / 10;
  for (const member of members.keys()) {
    members.delete(member);
    excess -= 1;
    if (excess === 0) return;
  }
}
