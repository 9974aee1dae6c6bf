import type { AcceptedLeads, PartnerUsage } from '../partner-usage.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Keeps the counts of accepted leads per partner and day in a database. */
export function partnerUsage(database: SqlDatabase): PartnerUsage {
  return {
    recordAccepted: (counts) => database.change(() => recordAccepted(counts)),
    acceptedOn: (day) => database.read(selectAccepted, day),
    deletePartnerUsage: (before) => database.change(() => deleteOld(before)),
  };
}

const addAccepted = statement(
  'record_accepted',
  `INSERT INTO partner_usage (partner_id, day, accepted) VALUES ($1, $2, $3)
   ON CONFLICT (partner_id, day) DO UPDATE SET accepted = partner_usage.accepted + excluded.accepted`,
);

function* recordAccepted(counts: readonly AcceptedLeads[]): Change<void> {
  // Only servers and imports count leads, and an import has recorded itself.
  yield* auditedByCommand();
  // In one order, so that two servers that record the same partners cannot deadlock.
  for (const { partnerId, day, accepted } of counts.toSorted(byKey)) {
    yield* run(addAccepted, partnerId, day, accepted);
  }
}

function byKey(one: AcceptedLeads, other: AcceptedLeads): number {
  return one.partnerId - other.partnerId || one.day - other.day;
}

const selectAccepted = statement<AcceptedLeads>(
  'accepted_on',
  'SELECT partner_id AS "partnerId", day, accepted FROM partner_usage WHERE day = $1 ORDER BY partner_id',
);

const deleteBefore = statement('delete_partner_usage', 'DELETE FROM partner_usage WHERE day < $1');

function* deleteOld(before: number): Change<void> {
  yield* run(deleteBefore, before);
}
