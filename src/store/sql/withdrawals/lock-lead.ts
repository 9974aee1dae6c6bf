import type { LeadState } from '../../../leads/lead.ts';
import { statement } from '../statement.ts';

/** Locks the lead first, as a cancellation does, so that the two cannot deadlock. */
export const lockLead = statement<{ state: LeadState }>(
  'lock_withdrawn_lead',
  ({ lock }) => `SELECT state FROM lead WHERE id = $1 ${lock('lead')}`,
);
