import type { DatabaseSync } from 'node:sqlite';
import type { Cancellation } from '../../leads/cancellation.ts';
import { type CancellationOutcome, type LeadState, outcomeIfNotCancelled } from '../../leads/lead.ts';
import { latestFirst, nextEndedOrder } from '../lead-order.ts';
import type { FindGrantedType } from './granted-types.ts';
import { Query } from './query.ts';

/** Cancels a lead if it can be cancelled, and stores the cancellation either way. It runs in its caller's transaction. */
export type Cancel = (cancellation: Cancellation) => CancellationOutcome;

export function sqliteCancel(database: DatabaseSync, grantedType: FindGrantedType): Cancel {
  const lastLead = new Query<{ id: string; state: LeadState }>(
    database,
    `SELECT id, state FROM lead WHERE mobile = ? AND type_id = ? AND partner_id = ? ORDER BY ${latestFirst} LIMIT 1`,
  );
  const cancelLead = new Query(
    database,
    `UPDATE lead SET state = 'cancelled', ended_order = iif(ended_order = 0, ${nextEndedOrder}, ended_order), cancelled_at = ?
     WHERE id = ? AND state IN ('scheduled', 'failed') AND claim IS NULL AND NOT may_have_arrived`,
  );
  const insertCancellation = new Query(
    database,
    `INSERT INTO submission (id, kind, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
     VALUES (?, 'cancel', ?, ?, ?, ?, 0, ?, ?, ?)`,
  );

  function cancel(
    { partnerId, type, mobile }: Cancellation,
    now: number,
  ): { outcome: CancellationOutcome; leadId: string | null } {
    const granted = grantedType(type, partnerId);
    if (granted === undefined) return { outcome: 'unknown-type', leadId: null };
    const last = lastLead.first(mobile, granted.id, partnerId);
    if (last !== undefined && cancelLead.run(now, last.id) === 1) {
      return { outcome: 'cancelled', leadId: last.id };
    }
    const outcome = outcomeIfNotCancelled(last?.state);
    return { outcome, leadId: outcome === 'not-found' ? null : (last?.id ?? null) };
  }

  return (cancellation) => {
    const { outcome, leadId } = cancel(cancellation, Date.now());
    const { id, partnerId, receivedAt, type, mobile, content } = cancellation;
    insertCancellation.run(id, partnerId, receivedAt, type, mobile, content, outcome, leadId);
    return outcome;
  };
}
