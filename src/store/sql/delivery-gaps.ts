import type { DeliveryGap, DeliveryGaps, TypeGap } from '../delivery-gaps.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { nextEndedOrder } from './lead-order.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';

/** Keeps the times in which leads could not be delivered, in a database. */
export function deliveryGaps(database: SqlDatabase): DeliveryGaps {
  return {
    deliveryGaps: async (since) => (await database.read(selectGaps, since, Date.now())).map(gapOf),
    recordDeliverable: (now, tolerance) => database.change(() => recordDeliverable(now, tolerance)),
    recordGaps: (gaps) => database.change(() => recordGaps(gaps)),
    endTooLate: (claim, leadIds) => database.change(() => endTooLate(claim, leadIds)),
  };
}

/** A row in which an empty type stands for all types. */
interface GapRow {
  type: string;
  start: number;
  end: number;
}

function gapOf({ type, ...times }: GapRow): DeliveryGap {
  return { type: type === '' ? undefined : type, ...times };
}

const selectGaps = statement<GapRow>(
  'delivery_gaps',
  `SELECT type, started_at AS start, ended_at AS "end" FROM delivery_gap WHERE ended_at > $1
   UNION ALL
   SELECT type, paused_at, CAST($2 AS bigint) FROM delivery_pause`,
);

const insertGap = statement(
  'insert_delivery_gap',
  `INSERT INTO delivery_gap (type, started_at, ended_at) VALUES ($1, $2, $3)
   ON CONFLICT (type, started_at) DO UPDATE SET ended_at = excluded.ended_at
   WHERE delivery_gap.ended_at < excluded.ended_at`,
);

/** Age at which a gap is removed (ms): no lead is due for longer. */
const maxAge = 400 * 86_400_000;

const deleteOldGaps = statement('delete_delivery_gaps', 'DELETE FROM delivery_gap WHERE ended_at < $1');

/** Stores a time in which leads could not be delivered. @param type undefined: all types */
export function* recordGap(type: string | undefined, start: number, end: number): Change<void> {
  if (end <= start) return;
  yield* run(insertGap, type ?? '', start, end);
  yield* run(deleteOldGaps, end - maxAge);
}

function* recordGaps(gaps: readonly TypeGap[]): Change<void> {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  // In one order, so that two servers that record the same types cannot deadlock.
  for (const { type, start, end } of gaps.toSorted((one, other) => (one.type < other.type ? -1 : 1))) {
    // The type may have been renamed since the leads were claimed.
    yield* recordGap((yield* namedType(type)).name, start, end);
  }
}

const lastDeliverable = statement<{ at: number }>(
  'last_deliverable',
  `SELECT ended_at AS at FROM maintenance_run WHERE name = 'deliverable'`,
);

const recordLastDeliverable = statement(
  'record_deliverable',
  `INSERT INTO maintenance_run (name, ended_at) VALUES ('deliverable', $1)
   ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at WHERE maintenance_run.ended_at < excluded.ended_at`,
);

function* recordDeliverable(now: number, tolerance: number): Change<void> {
  const last = yield* firstRow(lastDeliverable);
  if (last !== undefined && now - last.at > tolerance) yield* recordGap(undefined, last.at, now);
  yield* run(recordLastDeliverable, now);
}

const endTooLateLeads = statement<{ id: string; state: 'expired' | 'failed' }>(
  'end_too_late',
  ({ inList }) => `
    UPDATE lead SET claim = NULL, attempts = attempts - 1,
      state = CASE WHEN may_have_arrived THEN 'failed' ELSE 'expired' END,
      ended_order = CASE WHEN may_have_arrived THEN 0 ELSE ${nextEndedOrder} END
    WHERE id ${inList('$2')} AND claim = $1 AND state = 'scheduled' RETURNING id, state`,
);

function* endTooLate(claim: string, leadIds: readonly string[]) {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  const ended = yield* run(endTooLateLeads, claim, leadIds);
  const idsIn = (state: 'expired' | 'failed') =>
    ended.filter((lead) => lead.state === state).map(({ id }) => id);
  return { expired: idsIn('expired'), undecided: idsIn('failed') };
}
