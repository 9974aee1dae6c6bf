import type { DatabaseSync } from 'node:sqlite';
import { isOpen } from '../sql/delivery-pauses.ts';
import { Query } from './query.ts';

/** A lead's place in the line: the longest due comes first. */
export interface QueuePosition {
  id: string;
  nextAttemptAt: number;
}

/** The scheduled leads whose delivery is not paused. */
export interface DueQueue {
  /** When the first can be claimed, in milliseconds since 1970; undefined: none is scheduled. */
  nextAttemptAt(): number | undefined;
  /** Returns the first places of the leads that can be claimed at `now`, behind `after` (undefined: from the start). */
  first(now: number, limit: number, after?: QueuePosition): QueuePosition[];
}

/**
 * The line is kept by lead type, and the types are merged here. So the leads of a paused type are never looked at,
 * however many stand before the others.
 */
export function dueQueue(database: DatabaseSync): DueQueue {
  const heads = new Query<{ typeId: number; nextAttemptAt: number | null }>(
    database,
    `SELECT id AS typeId,
       (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS nextAttemptAt
     FROM lead_type WHERE ${isOpen}`,
  );
  const head = new Query<{ nextAttemptAt: number | null }>(
    database,
    `SELECT min((SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id)) AS nextAttemptAt
     FROM lead_type WHERE ${isOpen}`,
  );
  const ofType = new Query<QueuePosition>(
    database,
    `SELECT id, next_attempt_at AS nextAttemptAt FROM lead
     WHERE state = 'scheduled' AND type_id = ? AND next_attempt_at <= ? AND (next_attempt_at, id) > (?, ?)
     ORDER BY next_attempt_at, id LIMIT ?`,
  );

  return {
    nextAttemptAt: () => head.first()?.nextAttemptAt ?? undefined,

    first(now, limit, after = { id: '', nextAttemptAt: 0 }) {
      const line: QueuePosition[] = [];
      let types = heads
        .all()
        .filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt <= now)
        .map(({ typeId }) => ({ typeId, last: after }));
      // Of each type its share is read, and more of those that have more places in the first part of the line.
      const share = Math.min(limit, Math.ceil((3 * limit) / types.length));
      while (types.length > 0) {
        const further: typeof types = [];
        for (const { typeId, last } of types) {
          const places = ofType.all(typeId, now, last.nextAttemptAt, last.id, share);
          line.push(...places);
          const next = places[share - 1];
          if (next !== undefined) further.push({ typeId, last: next });
        }
        line.sort(inOrder).splice(limit);
        const end = line[limit - 1];
        types = further.filter(({ last }) => end === undefined || inOrder(last, end) < 0);
      }
      return line;
    },
  };
}

function inOrder(one: QueuePosition, other: QueuePosition): number {
  return one.nextAttemptAt - other.nextAttemptAt || (one.id < other.id ? -1 : 1);
}
