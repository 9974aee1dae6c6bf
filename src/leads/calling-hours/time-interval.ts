/** Time between two instants (ms since 1970). `end` is exclusive. */
export interface TimeInterval {
  start: number;
  end: number;
}

/** Returns what two lists of intervals have in common. Each list is in order and without overlaps. */
export function intersection(
  one: readonly TimeInterval[],
  other: readonly TimeInterval[],
): readonly TimeInterval[] {
  const common: TimeInterval[] = [];
  let [left, right] = [0, 0];
  for (;;) {
    const [first, second] = [one[left], other[right]];
    if (first === undefined || second === undefined) return common;
    const start = Math.max(first.start, second.start);
    const end = Math.min(first.end, second.end);
    if (start < end) common.push({ start, end });
    if (first.end < second.end) left += 1;
    else right += 1;
  }
}

/** Returns the time of an interval that a list of intervals does not cover (ms). They may overlap, in any order. */
export function uncovered({ start, end }: TimeInterval, by: readonly TimeInterval[]): number {
  let [remaining, from] = [0, start];
  for (const each of by.toSorted((one, other) => one.start - other.start)) {
    if (each.start > from) remaining += Math.min(each.start, end) - from;
    from = Math.max(from, Math.min(each.end, end));
    if (from >= end) return remaining;
  }
  return remaining + end - from;
}
