import type { DatabaseSync } from 'node:sqlite';
import type { LeadStatus } from '../../../leads/lead.ts';
import { latestFirst } from '../../sql/lead-order.ts';
import type { Intake } from '../../store.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import type { FindGrantedType } from './granted-types.ts';

/** Prepares `Intake.leadStatus`. */
export function sqliteLeadStatus(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
): Intake['leadStatus'] {
  const latestLead = new Query<LeadStatus>(
    database,
    `SELECT state, accepted_at AS acceptedAt, due_at AS dueAt, dialled_at AS dialledAt FROM lead
     WHERE mobile = ? AND type_id = ? AND partner_id = ? ORDER BY ${latestFirst} LIMIT 1`,
  );
  return ({ partnerId, type, mobile }) =>
    queue.read(() => {
      const granted = grantedType(type, partnerId);
      return granted && latestLead.first(mobile, granted.id, partnerId);
    });
}
