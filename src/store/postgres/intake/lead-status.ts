import type { LeadStatus, LeadStatusRequest } from '../../../leads/lead.ts';
import { ofLatestResult, reportedDueAt, withdrawalStatus } from '../../sql/lead-state.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';
import { storableText } from '../storable-text.ts';
import { latestLeads } from './latest-leads.ts';

const status = `lead.state, lead.accepted_at AS "acceptedAt", ${reportedDueAt} AS "dueAt", lead.dialled_at AS "dialledAt",
      ${withdrawalStatus} AS withdrawal, ${ofLatestResult('result')} AS result, ${ofLatestResult('called_at')} AS "resultAt",
      lead.expires_at AS "expiresAt", lead.priority`;

const leadStatuses: Statement = {
  name: 'lead_statuses',
  text: `
    WITH requested AS (
      SELECT * FROM json_to_recordset($1::json) AS sent (
        id integer, partner_id integer, lead_id text, type text, mobile text)
    ), ${latestLeads}
    SELECT lead.request_id AS index, lead.id, ${status} FROM latest AS lead WHERE lead.id IS NOT NULL
    UNION ALL
    SELECT requested.id AS index, lead.id, ${status} FROM requested
    JOIN lead ON lead.id = requested.lead_id AND lead.partner_id = requested.partner_id`,
};

/** Returns a function that looks up a batch of lead statuses. */
export function leadStatusLookup(
  database: PostgresDatabase,
): (entries: readonly Entry<LeadStatusRequest, LeadStatus | undefined>[]) => Promise<void> {
  return async (entries) => {
    const pending = new Map(entries.entries());
    const requests = entries.map(({ input }, index) => ({
      id: index,
      partner_id: input.partnerId,
      ...('leadId' in input
        ? { lead_id: input.leadId }
        : { type: storableText(input.type), mobile: input.mobile }),
    }));
    const rows = await database.read<LeadStatus & { index: number }>(leadStatuses, [
      JSON.stringify(requests),
    ]);
    for (const { index, ...status } of rows) {
      pending.get(index)?.resolve(status);
      pending.delete(index);
    }
    for (const { resolve } of pending.values()) resolve(undefined);
  };
}
