import type { Delivery } from '../delivery.ts';
import { run, type SqlDatabase } from './database.ts';
import { unlessExpired } from './due-lead.ts';
import { statement } from './statement.ts';

/** Implements calls about due and claimed leads that are so rare that both stores share their statements. */
export function claimedLeads(
  database: SqlDatabase,
): Pick<Delivery, 'releaseLeads' | 'postponeLeads' | 'earlierLeads'> {
  return {
    releaseLeads: async (claim, leadIds, notBefore, waitsFor) => {
      await database.change(() => run(releaseLeads, claim, leadIds, notBefore, waitsFor ?? null, Date.now()));
    },
    postponeLeads: async (leadIds, notBefore, waitsFor) => {
      await database.change(() => run(postponeLeads, leadIds, notBefore, waitsFor, Date.now()));
    },
    earlierLeads: async (leadId) => (await database.read(earlierLeads, leadId)).map(({ id }) => id),
  };
}

/**
 * A time of day that a rule has found counts as it is, unless the lead expires before. Other delays count from the time
 * at which leads can be claimed: the dialler may still be processing a lead, which ends after that.
 */
const releaseLeads = statement(
  'release_leads',
  ({ inList, claimableUntil }) => `
    UPDATE lead SET claim = NULL, attempts = attempts - 1, waits_for = $4,
      next_attempt_at = CASE WHEN CAST($4 AS text) IS NULL THEN ${claimableUntil('$5')} - $5 + $3
        ELSE ${unlessExpired('$3')} END
    WHERE id ${inList('$2')} AND claim = $1 AND state IN ('scheduled', 'withdrawing')`,
);

const postponeLeads = statement(
  'postpone_leads',
  ({ inList, inQuery, lockAvailable, claimableUntil }) => `
    UPDATE lead SET next_attempt_at = ${unlessExpired('$2')}, waits_for = $3
    WHERE id ${inQuery(`
      SELECT id FROM lead
      WHERE id ${inList('$1')} AND state = 'scheduled' AND claim IS NULL AND next_attempt_at <= ${claimableUntil('$4')}
      ORDER BY id ${lockAvailable('lead')}`)}`,
);

const earlierLeads = statement<{ id: string }>(
  'earlier_leads',
  `SELECT other.id FROM lead
   JOIN lead AS other ON other.mobile = lead.mobile AND other.type_id = lead.type_id
   WHERE lead.id = $1 AND other.id <> lead.id`,
);
