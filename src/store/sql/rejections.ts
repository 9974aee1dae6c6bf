import type { RejectionCount, RejectionRecord, Rejections } from '../rejections.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { checkPartner } from './partners.ts';
import { statement } from './statement.ts';

/** Keeps the counts of rejected requests in a database. */
export function rejections(database: SqlDatabase): Rejections {
  return {
    recordRejections: (counts) => database.change(() => recordRejections(counts)),
    rejections: (partner, limit) => listRejections(database, partner, limit),
    deleteRejections: (before) => database.change(() => deleteRejections(before)),
  };
}

const addCount = statement(
  'record_rejections',
  `INSERT INTO rejection (partner_id, day, operation, outcome, reason, count, last_at, last_request_id)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
   ON CONFLICT (partner_id, day, operation, outcome, reason) DO UPDATE SET
     count = rejection.count + excluded.count,
     last_request_id = CASE WHEN excluded.last_at < rejection.last_at
       THEN rejection.last_request_id ELSE excluded.last_request_id END,
     last_at = CASE WHEN excluded.last_at < rejection.last_at
       THEN rejection.last_at ELSE excluded.last_at END`,
);

function* recordRejections(counts: readonly RejectionCount[]): Change<void> {
  // In one order, so that two servers that record the same reasons cannot deadlock.
  for (const each of counts.toSorted(byKey)) {
    const { partnerId, day, operation, outcome, reason, count, lastAt, lastRequestId } = each;
    yield* run(addCount, partnerId, day, operation, outcome, reason, count, lastAt, lastRequestId);
  }
}

function byKey(one: RejectionCount, other: RejectionCount): number {
  return keyOf(one) < keyOf(other) ? -1 : 1;
}

function keyOf({ partnerId, day, operation, outcome, reason }: RejectionCount): string {
  return JSON.stringify([partnerId, day, operation, outcome, reason]);
}

const selectRejections = statement<RejectionRecord>(
  'rejections',
  `SELECT partner.name AS partner, operation, outcome, reason, day, count, last_at AS "lastAt",
     last_request_id AS "lastRequestId"
   FROM rejection JOIN partner ON partner.id = rejection.partner_id
   WHERE CAST($1 AS text) IS NULL OR partner.name = $1
   ORDER BY last_at DESC, last_request_id DESC LIMIT $2`,
);

async function* listRejections(
  database: SqlDatabase,
  partner: string | undefined,
  limit: number,
): AsyncGenerator<RejectionRecord> {
  if (partner !== undefined) await checkPartner(database, partner);
  yield* await database.read(selectRejections, partner ?? null, limit);
}

const deleteOld = statement('delete_rejections', 'DELETE FROM rejection WHERE day < $1');

function* deleteRejections(before: number): Change<void> {
  yield* run(deleteOld, before);
}
