import type { Delivery } from '../store.ts';
import { run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Calls about claimed leads that are too rare to have statements of their own in each store. */
export function claimedLeads(database: SqlDatabase): Pick<Delivery, 'releaseLeads' | 'earlierLeads'> {
  return {
    releaseLeads: async (claim, leadIds, notBefore, waitsFor) => {
      await database.change(() => run(releaseLeads, claim, leadIds, notBefore, waitsFor ?? null));
    },
    earlierLeads: async (leadId) => (await database.read(earlierLeads, leadId)).map(({ id }) => id),
  };
}

const releaseLeads = statement(
  'release_leads',
  ({ inList }) => `
    UPDATE lead SET claim = NULL, attempts = attempts - 1, next_attempt_at = $3, waits_for = $4
    WHERE id ${inList('$2')} AND claim = $1 AND state IN ('scheduled', 'withdrawing')`,
);

const earlierLeads = statement<{ id: string }>(
  'earlier_leads',
  `SELECT other.id FROM lead
   JOIN lead AS other ON other.mobile = lead.mobile AND other.type_id = lead.type_id
   WHERE lead.id = $1 AND other.id <> lead.id`,
);
