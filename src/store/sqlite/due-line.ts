import type { DatabaseSync } from 'node:sqlite';
import { isOpen } from './delivery-pause.ts';
import { Query } from './query.ts';

/** A lead's place in the line: the longest due comes first. */
export interface Place {
  id: string;
  nextTryAt: number;
}

/** The scheduled leads whose delivery is not paused. */
export interface DueLine {
  /** When the first can be claimed, in milliseconds since 1970; undefined: none is scheduled. */
  nextTryAt(): number | undefined;
  /** Returns the first places of the leads that can be claimed at `now`, behind `after` (undefined: from the start). */
  first(now: number, limit: number, after?: Place): Place[];
}

/**
 * The line is kept by lead type, and the types are merged here. So the leads of a paused type are never looked at,
 * however many stand before the others.
 */
export function dueLine(database: DatabaseSync): DueLine {
  const heads = new Query<{ typeId: number; nextTryAt: number | null }>(
    database,
    `SELECT id AS typeId,
       (SELECT min(next_try_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS nextTryAt
     FROM lead_type WHERE ${isOpen}`,
  );
  const ofType = new Query<Place>(
    database,
    `SELECT id, next_try_at AS nextTryAt FROM lead
     WHERE state = 'scheduled' AND type_id = ? AND next_try_at <= ? AND (next_try_at, id) > (?, ?)
     ORDER BY next_try_at, id LIMIT ?`,
  );

  function typesInOrder(): { typeId: number; nextTryAt: number }[] {
    return heads
      .all()
      .flatMap(({ typeId, nextTryAt }) => (nextTryAt === null ? [] : [{ typeId, nextTryAt }]))
      .sort((one, other) => one.nextTryAt - other.nextTryAt);
  }

  return {
    nextTryAt: () => typesInOrder()[0]?.nextTryAt,

    first(now, limit, after = { id: '', nextTryAt: 0 }) {
      let line: Place[] = [];
      for (const { typeId, nextTryAt } of typesInOrder()) {
        const last = line.length < limit ? now : (line.at(-1)?.nextTryAt ?? now);
        if (nextTryAt > last) break;
        const behind = ofType.all(typeId, last, after.nextTryAt, after.id, limit);
        line = line.length === 0 ? behind : [...line, ...behind].sort(inOrder).slice(0, limit);
      }
      return line;
    },
  };
}

function inOrder(one: Place, other: Place): number {
  return one.nextTryAt - other.nextTryAt || (one.id < other.id ? -1 : 1);
}
