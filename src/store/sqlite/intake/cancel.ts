import type { DatabaseSync } from 'node:sqlite';
import type { Cancellation } from '../../../leads/cancellation.ts';
import { type CancellationOutcome, type LeadState, outcomeIfNotCancelled } from '../../../leads/lead.ts';
import { latestFirst, nextEndedOrder } from '../../sql/lead-order.ts';
import { isCancellable } from '../../sql/lead-state.ts';
import type { CancellationResult, Intake } from '../../store.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import type { FindGrantedType } from './granted-types.ts';
import type { IdempotencyRecords } from './idempotency-records.ts';

/** Prepares `Intake.cancel`. */
export function sqliteCancel(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
  records: IdempotencyRecords,
): Intake['cancel'] {
  const cancelAndSave = cancellationWriter(database, grantedType);

  return (cancellation, idempotency) => {
    if (idempotency === undefined) {
      return queue.write(() => ({ outcome: cancelAndSave(cancellation), isReplay: false }));
    }
    const { partnerId } = cancellation;
    return queue.write<CancellationResult>(() => {
      const record = records.find(partnerId, idempotency.key);
      if (record !== undefined) {
        if (record.fingerprint !== idempotency.fingerprint) return { outcome: 'idempotency-key-reused' };
        // The cast: the same fingerprint means that the record is that of this cancellation.
        return { outcome: record.outcome as CancellationOutcome, isReplay: true };
      }
      const outcome = cancelAndSave(cancellation);
      records.insert(partnerId, idempotency, { outcome, leadId: null, dueAt: null });
      return { outcome, isReplay: false };
    });
  };
}

/**
 * Returns a function that cancels a lead if possible, and saves the cancellation either way, in the caller's
 * transaction.
 */
function cancellationWriter(
  database: DatabaseSync,
  grantedType: FindGrantedType,
): (cancellation: Cancellation) => CancellationOutcome {
  const latestLead = new Query<{ id: string; state: LeadState }>(
    database,
    `SELECT id, state FROM lead WHERE mobile = ? AND type_id = ? AND partner_id = ? ORDER BY ${latestFirst} LIMIT 1`,
  );
  const cancelLead = new Query(
    database,
    `UPDATE lead SET state = 'cancelled', cancelled_at = ?,
       ended_order = iif(ended_order = 0, ${nextEndedOrder}, ended_order)
     WHERE id = ? AND ${isCancellable('lead')}`,
  );
  const insertCancellation = new Query(
    database,
    `INSERT INTO submission (id, kind, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id)
     VALUES (?, 'cancel', ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
  );

  function cancel({ partnerId, type, mobile }: Cancellation): {
    outcome: CancellationOutcome;
    leadId: string | null;
  } {
    const granted = grantedType(type, partnerId);
    if (granted === undefined) return { outcome: 'unknown-type', leadId: null };
    const latest = latestLead.first(mobile, granted.id, partnerId);
    if (latest !== undefined && cancelLead.run(Date.now(), latest.id) === 1) {
      return { outcome: 'cancelled', leadId: latest.id };
    }
    const outcome = outcomeIfNotCancelled(latest?.state);
    return { outcome, leadId: outcome === 'not-found' ? null : (latest?.id ?? null) };
  }

  return (cancellation) => {
    const { outcome, leadId } = cancel(cancellation);
    const { id, partnerId, keyId, receivedAt, type, mobile, content } = cancellation;
    insertCancellation.run(id, partnerId, keyId, receivedAt, type, mobile, content, outcome, leadId);
    return outcome;
  };
}
