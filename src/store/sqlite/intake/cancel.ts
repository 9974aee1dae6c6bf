import type { DatabaseSync } from 'node:sqlite';
import type { Cancellation } from '../../../leads/cancellation.ts';
import { type CancellationOutcome, type LeadState, outcomeIfNotCancelled } from '../../../leads/lead.ts';
import type { CancellationResult, Intake } from '../../intake.ts';
import { latestFirst, nextEndedOrder } from '../../sql/lead-order.ts';
import { isCancellable, isWithdrawable } from '../../sql/lead-state.ts';
import { orContinueWithdrawal, withdrawingState } from '../../sql/withdrawals/begin.ts';
import type { WithdrawalEvents } from '../../sql/withdrawals/events.ts';
import { pendingOutcome } from '../../sql/withdrawals/settle.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import type { FindGrantedType } from './granted-types.ts';
import type { IdempotencyRecord, IdempotencyRecords } from './idempotency-records.ts';

/** What `Intake.cancel` depends on in addition to the database. */
interface Dependencies {
  grantedType: FindGrantedType;
  records: IdempotencyRecords;
  withdrawalEvents: WithdrawalEvents;
}

/** Prepares `Intake.cancel`. */
export function sqliteCancel(
  database: DatabaseSync,
  queue: CommitQueue,
  { grantedType, records, withdrawalEvents }: Dependencies,
): Intake['cancel'] {
  const cancelAndSave = cancellationWriter(database, grantedType);

  function cancel(cancellation: Cancellation): CancellationResult {
    const { outcome, leadId, isWithdrawing } = cancelAndSave(cancellation);
    return isWithdrawing ? { outcome: 'withdrawing', leadId, isReplay: false } : { outcome, isReplay: false };
  }

  return async (cancellation, idempotency) => {
    const result = await queue.write<CancellationResult>(() => {
      if (idempotency === undefined) return cancel(cancellation);
      const { partnerId } = cancellation;
      const record = records.find(partnerId, idempotency.key);
      if (record !== undefined) {
        if (record.fingerprint !== idempotency.fingerprint) return { outcome: 'idempotency-key-reused' };
        return resultIn(record);
      }
      const decided = cancel(cancellation);
      const { outcome } = decided;
      const leadId = 'leadId' in decided ? decided.leadId : null;
      records.insert(partnerId, idempotency, { outcome, leadId, dueAt: null, response: null });
      return decided;
    });
    if (result.outcome === 'withdrawing') withdrawalEvents.emit();
    return result;
  };
}

function resultIn({ outcome, leadId }: IdempotencyRecord): CancellationResult {
  if (outcome === pendingOutcome && leadId !== null)
    return { outcome: pendingOutcome, leadId, isReplay: true };
  // The cast: the same fingerprint means that the record is that of this cancellation.
  return { outcome: outcome as CancellationOutcome, isReplay: true };
}

/** What a cancellation did. */
type Cancelled =
  | { outcome: CancellationOutcome; leadId: string | null; isWithdrawing: false }
  | { outcome: 'already-processed'; leadId: string; isWithdrawing: true };

/**
 * Returns a function that cancels a lead if possible, or begins to withdraw it, and saves the cancellation either way,
 * in the caller's transaction.
 */
function cancellationWriter(
  database: DatabaseSync,
  grantedType: FindGrantedType,
): (cancellation: Cancellation) => Cancelled {
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
  const withdrawLead = new Query(
    database,
    `UPDATE lead SET state = ${withdrawingState} WHERE id = ? AND ${isWithdrawable('lead')}`,
  );
  const insertWithdrawal = new Query<{ leadId: string }>(
    database,
    `INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at)
     VALUES (?1, 'cancellation', ?2, ?2) ${orContinueWithdrawal}`,
  );
  const insertCancellation = new Query(
    database,
    `INSERT INTO submission (id, kind, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id)
     VALUES (?, 'cancel', ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
  );

  function cancel({ partnerId, type, mobile }: Cancellation): Cancelled {
    const granted = grantedType(type, partnerId);
    if (granted === undefined) return { outcome: 'unknown-type', leadId: null, isWithdrawing: false };
    const latest = latestLead.first(mobile, granted.id, partnerId);
    const now = Date.now();
    if (latest !== undefined && cancelLead.run(now, latest.id) === 1) {
      return { outcome: 'cancelled', leadId: latest.id, isWithdrawing: false };
    }
    if (latest !== undefined && granted.withdraws === 1 && withdrawLead.run(latest.id) === 1) {
      const isWithdrawing = insertWithdrawal.first(latest.id, now) !== undefined;
      return { outcome: 'already-processed', leadId: latest.id, isWithdrawing };
    }
    const outcome = outcomeIfNotCancelled(latest?.state);
    return { outcome, leadId: outcome === 'not-found' ? null : (latest?.id ?? null), isWithdrawing: false };
  }

  return (cancellation) => {
    const cancelled = cancel(cancellation);
    const { id, partnerId, keyId, receivedAt, type, mobile, content } = cancellation;
    const { outcome, leadId } = cancelled;
    insertCancellation.run(id, partnerId, keyId, receivedAt, type, mobile, content, outcome, leadId);
    return cancelled;
  };
}
