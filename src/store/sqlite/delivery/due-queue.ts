import type { DatabaseSync } from 'node:sqlite';
import { isClaimable } from '../../sql/delivery-pauses.ts';
import { Query } from '../query.ts';

/** A lead's position in the due queue: the most overdue lead comes first. */
export interface QueuePosition {
  id: string;
  nextAttemptAt: number;
}

/** The scheduled leads that pauses allow to be claimed, in the order in which they are due. */
export interface DueQueue {
  /** Returns when the next lead can be claimed (ms since 1970). Undefined: none, or all are paused. */
  nextAttemptAt(): number | undefined;
  /**
   * Returns the first leads that can be claimed at `now`, after the position `after` (undefined: from the start).
   *
   * @param exceptTypes names of lead types that are left out
   */
  first(now: number, limit: number, after?: QueuePosition, exceptTypes?: readonly string[]): QueuePosition[];
}

/**
 * Prepares the due queue. It reads the leads by type and merges the types, so the number of leads of paused types does
 * not matter.
 */
export function dueQueue(database: DatabaseSync): DueQueue {
  const nextOfTypes = new Query<{ typeId: number; name: string; nextAttemptAt: number | null }>(
    database,
    `SELECT id AS typeId, name,
       (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS nextAttemptAt
     FROM lead_type WHERE ${isClaimable('?1')}`,
  );
  const dueOfType = new Query<QueuePosition>(
    database,
    `SELECT id, next_attempt_at AS nextAttemptAt FROM lead
     WHERE state = 'scheduled' AND type_id = ? AND next_attempt_at <= ? AND (next_attempt_at, id) > (?, ?)
     ORDER BY next_attempt_at, id LIMIT ?`,
  );

  return {
    nextAttemptAt() {
      const times = nextOfTypes.all(Date.now()).flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },

    first(now, limit, after = { id: '', nextAttemptAt: 0 }, exceptTypes = []) {
      const merged: QueuePosition[] = [];
      let types = nextOfTypes
        .all(now)
        .filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt <= now)
        .filter(({ name }) => !exceptTypes.includes(name))
        .map(({ typeId }) => ({ typeId, last: after }));
      // Reads a share of each type first, then more of the types that have more leads among the first.
      const share = Math.min(limit, Math.ceil((3 * limit) / types.length));
      while (types.length > 0) {
        const unfinished: typeof types = [];
        for (const { typeId, last } of types) {
          const positions = dueOfType.all(typeId, now, last.nextAttemptAt, last.id, share);
          merged.push(...positions);
          const lastRead = positions[share - 1];
          if (lastRead !== undefined) unfinished.push({ typeId, last: lastRead });
        }
        merged.sort(compare).splice(limit);
        const end = merged[limit - 1];
        types = unfinished.filter(({ last }) => end === undefined || compare(last, end) < 0);
      }
      return merged;
    },
  };
}

function compare(one: QueuePosition, other: QueuePosition): number {
  return one.nextAttemptAt - other.nextAttemptAt || (one.id < other.id ? -1 : 1);
}
