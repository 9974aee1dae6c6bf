import type { DatabaseSync } from 'node:sqlite';
import type { LeadStatus } from '../../../leads/lead.ts';
import type { Intake } from '../../intake.ts';
import { latestFirst } from '../../sql/lead-order.ts';
import { ofLatestResult, reportedDueAt, withdrawalStatus } from '../../sql/lead-state.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import type { FindGrantedType } from './granted-types.ts';

/** Prepares `Intake.leadStatus`. */
export function sqliteLeadStatus(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
): Intake['leadStatus'] {
  const columns = `id, state, accepted_at AS acceptedAt, ${reportedDueAt} AS dueAt, dialled_at AS dialledAt,
    ${withdrawalStatus} AS withdrawal, ${ofLatestResult('result')} AS result, ${ofLatestResult('called_at')} AS resultAt,
    expires_at AS expiresAt, priority`;
  const leadById = new Query<LeadStatus>(
    database,
    `SELECT ${columns} FROM lead WHERE id = ? AND partner_id = ?`,
  );
  const latestLead = new Query<LeadStatus>(
    database,
    `SELECT ${columns} FROM lead
     WHERE mobile = ? AND type_id = ? AND partner_id = ? ORDER BY ${latestFirst} LIMIT 1`,
  );
  return (request) =>
    queue.read(() => {
      const { partnerId } = request;
      if ('leadId' in request) return leadById.first(request.leadId, partnerId);
      const granted = grantedType(request.type, partnerId);
      return granted && latestLead.first(request.mobile, granted.id, partnerId);
    });
}
