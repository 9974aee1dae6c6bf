import type { DatabaseSync } from 'node:sqlite';
import { isClaimable } from '../../sql/delivery-pauses.ts';
import { Query } from '../query.ts';

/** A lead's position in the due queue: those with the highest priority come first, then the most overdue ones. */
export interface QueuePosition {
  id: string;
  /** From 0 to 9. */
  priority: number;
  nextAttemptAt: number;
}

/** The scheduled leads that pauses allow to be claimed, in the order in which they are delivered once they are due. */
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

/** A lead type with scheduled leads. */
interface TypeInQueue {
  typeId: number;
  name: string;
  nextAttemptAt: number | null;
  /** Highest priority of its scheduled leads; null: none has one. */
  maxPriority: number | null;
}

/** Returns the leads of a type with the same priority, or those without one, in the order of their times. */
type ReadLeads = (typeId: number, after: QueuePosition, limit: number) => QueuePosition[];

const start: QueuePosition = { id: '', priority: 9, nextAttemptAt: 0 };

/**
 * Prepares the due queue. It reads the leads by type and merges the types, so the number of leads of paused types does
 * not matter. Leads with a priority have an index of their own.
 */
export function dueQueue(database: DatabaseSync): DueQueue {
  const typesInQueue = new Query<TypeInQueue>(
    database,
    `SELECT id AS typeId, name,
       (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS nextAttemptAt,
       (SELECT max(priority) FROM lead
        WHERE state = 'scheduled' AND priority > 0 AND type_id = lead_type.id) AS maxPriority
     FROM lead_type WHERE ${isClaimable('?1')}`,
  );
  const positions = (priority: string, condition = '') => `
    SELECT id, ${priority} AS priority, next_attempt_at AS nextAttemptAt FROM lead
    WHERE state = 'scheduled' AND type_id = ?1 ${condition}
      AND next_attempt_at <= ?2 AND (next_attempt_at, id) > (?3, ?4)
    ORDER BY next_attempt_at, id LIMIT ?5`;
  const prioritised = new Query<QueuePosition>(
    database,
    positions('priority', 'AND priority > 0 AND priority = ?6'),
  );
  const withoutPriority = new Query<QueuePosition>(database, positions('0', 'AND priority = 0'));
  // If no lead has a priority, the index has all columns.
  const all = new Query<QueuePosition>(database, positions('0'));

  return {
    nextAttemptAt() {
      const times = typesInQueue.all(Date.now()).flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },

    first(now, limit, after = start, exceptTypes = []) {
      const types = typesInQueue
        .all(now)
        .filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt <= now)
        .filter(({ name }) => !exceptTypes.includes(name));
      const found: QueuePosition[] = [];
      const highest = Math.max(0, ...types.map(({ maxPriority }) => maxPriority ?? 0));
      for (
        let priority = Math.min(highest, after.priority);
        priority > 0 && found.length < limit;
        priority -= 1
      ) {
        const read: ReadLeads = (typeId, { nextAttemptAt, id }, count) =>
          prioritised.all(typeId, now, nextAttemptAt, id, count, priority);
        const withLeads = types.filter(({ maxPriority }) => (maxPriority ?? 0) >= priority);
        const from = after.priority === priority ? after : start;
        found.push(...merged(withLeads, from, limit - found.length, read));
      }
      if (found.length === limit) return found;
      const ordinary = highest === 0 ? all : withoutPriority;
      const read: ReadLeads = (typeId, { nextAttemptAt, id }, count) =>
        ordinary.all(typeId, now, nextAttemptAt, id, count);
      const from = after.priority === 0 ? after : start;
      return [...found, ...merged(types, from, limit - found.length, read)];
    },
  };
}

/** Merges the leads of types in the order of their times. */
function merged(
  types: readonly Pick<TypeInQueue, 'typeId'>[],
  after: QueuePosition,
  limit: number,
  read: ReadLeads,
): QueuePosition[] {
  const found: QueuePosition[] = [];
  let unfinished = types.map(({ typeId }) => ({ typeId, last: after }));
  // Reads a share of each type first, then more of the types that have more leads among the first.
  const share = Math.min(limit, Math.ceil((3 * limit) / unfinished.length));
  while (unfinished.length > 0) {
    const more: typeof unfinished = [];
    for (const { typeId, last } of unfinished) {
      const positions = read(typeId, last, share);
      found.push(...positions);
      const lastRead = positions[share - 1];
      if (lastRead !== undefined) more.push({ typeId, last: lastRead });
    }
    found.sort(compare).splice(limit);
    const end = found[limit - 1];
    unfinished = more.filter(({ last }) => end === undefined || compare(last, end) < 0);
  }
  return found;
}

function compare(one: QueuePosition, other: QueuePosition): number {
  return one.nextAttemptAt - other.nextAttemptAt || (one.id < other.id ? -1 : 1);
}
