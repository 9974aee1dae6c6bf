import type { LeadAction } from '../../leads/lead-action.ts';
import type { AuditValues } from '../audit.ts';
import type { LeadActionRecord } from '../records.ts';
import { audit } from './audit.ts';
import { type Change, run } from './database.ts';
import { statement } from './statement.ts';

const insertAction = statement(
  'insert_lead_action',
  'INSERT INTO operator_action (lead_id, action, acted_at) VALUES ($1, $2, $3)',
);

/**
 * Records an action of an operator on a lead, within the change that carries it out.
 *
 * @param before values of the lead that it replaces, for the audit log
 */
export function* recordAction(leadId: string, action: LeadAction, before: AuditValues): Change<void> {
  yield* run(insertAction, leadId, action, Date.now());
  yield* audit({ kind: 'lead', id: leadId }, before, { action });
}

const insertActions = statement(
  'insert_lead_actions',
  ({ inList }) => `
    INSERT INTO operator_action (lead_id, action, acted_at)
    SELECT id, $2, $3 FROM lead WHERE id ${inList('$1')} ORDER BY id`,
);

/** Records the same action on several leads, within the change that carries it out. */
export function* recordActions(leadIds: readonly string[], action: LeadAction): Change<void> {
  yield* run(insertActions, leadIds, action, Date.now());
  for (const id of leadIds) yield* audit({ kind: 'lead', id }, undefined, { action });
}

/** Lists the actions on a person's leads. */
export const leadActionsFor = statement<LeadActionRecord>(
  'lead_actions',
  ({ inQuery }) => `
    SELECT lead_id AS "leadId", action, acted_at AS "actedAt"
    FROM operator_action WHERE lead_id ${inQuery('SELECT id FROM lead WHERE mobile = $1')} ORDER BY id`,
);
