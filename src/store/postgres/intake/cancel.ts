import type { Cancellation } from '../../../leads/cancellation.ts';
import type { Idempotency } from '../../../leads/idempotency.ts';
import type { CancellationOutcome } from '../../../leads/lead.ts';
import type { CancellationResult } from '../../intake.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import { isCancellable, isWithdrawable } from '../../sql/lead-state.ts';
import { orContinueWithdrawal, withdrawingState } from '../../sql/withdrawals/begin.ts';
import type { WithdrawalEvents } from '../../sql/withdrawals/events.ts';
import { pendingOutcome } from '../../sql/withdrawals/settle.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import { claimableUntil } from '../delivery/due-leads.ts';
import { storableText } from '../storable-text.ts';
import { latestLeads } from './latest-leads.ts';
import { replayedRequests } from './replayed.ts';
import { writeBatch } from './write-batch.ts';

/** A cancellation as the statement's parameter. */
export interface SentCancellation {
  id: string;
  partner_id: number;
  key_id: string | null;
  received_at: number;
  type: string;
  mobile: string;
  content: string;
  idempotency_key: string | null;
  fingerprint: string | null;
}

/** Converts a cancellation to the statement's parameter. */
export function sentCancellationOf(
  { id, partnerId, keyId, receivedAt, type, mobile, content }: Cancellation,
  idempotency?: Idempotency,
): SentCancellation {
  return {
    id,
    partner_id: partnerId,
    key_id: keyId,
    received_at: receivedAt,
    type: storableText(type),
    mobile,
    content,
    idempotency_key: idempotency?.key ?? null,
    fingerprint: idempotency?.fingerprint ?? null,
  };
}

/**
 * A CTE that reads no row, but whose lock on the table conflicts with that of a re-run. PostgreSQL locks the tables of
 * a statement before it takes the snapshot, so the statement sees the leads of re-runs for which it has waited.
 */
const rerunsInProgress = 'reruns_in_progress AS (SELECT FROM rerun WHERE false FOR SHARE)';

/**
 * Cancels the leads of the cancellations in `$1`, a JSON array of `SentCancellation`, at `$2`, or begins to withdraw
 * those that the dialler has or may have, if their type withdraws leads. Saves each cancellation with its outcome (see
 * README.md). If several cancel the same lead at once, the first one does. The outcomes follow `outcomeIfNotCancelled`
 * of the lead logic. Returns no row for a cancellation whose lead another transaction has just changed: the caller
 * sends it again.
 */
const cancel = writeStatement(
  'cancel',
  `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, key_id text, received_at bigint, type text, mobile text, content text,
      idempotency_key text, fingerprint text)
  ), ${rerunsInProgress}, ${replayedRequests}, requested AS (
    SELECT * FROM sent WHERE id NOT IN (SELECT id FROM replayed)
  ), ${latestLeads}, first_request AS (
    SELECT DISTINCT ON (id) id AS lead_id, request_id, withdraws FROM latest
    WHERE id IS NOT NULL ORDER BY id, request_id COLLATE "C"
  ), changed AS (
    UPDATE lead SET
      state = CASE WHEN ${isCancellable('lead')} THEN 'cancelled' ELSE ${withdrawingState} END,
      cancelled_at = CASE WHEN ${isCancellable('lead')} THEN $2 ELSE lead.cancelled_at END,
      ended_order = CASE WHEN ${isCancellable('lead')} AND lead.ended_order = 0 THEN ${nextEndedOrder}
        ELSE lead.ended_order END
    FROM first_request
    WHERE lead.id = ANY (ARRAY(SELECT lead_id FROM first_request)) AND first_request.lead_id = lead.id
      AND (${isCancellable('lead')} OR first_request.withdraws AND ${isWithdrawable('lead')})
    RETURNING lead.id, lead.state = 'cancelled' AS is_cancelled
  ), withdrawing AS (
    INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at)
    SELECT id, 'cancellation', $2, ${claimableUntil('$2')} FROM changed WHERE NOT is_cancelled
    ${orContinueWithdrawal}
  ), decided AS (
    SELECT latest.request_id AS id, latest.id AS lead_id, withdrawing."leadId" IS NOT NULL AS is_withdrawing,
      CASE
        WHEN latest.type_id IS NULL THEN 'unknown-type'
        WHEN changed.is_cancelled AND first_request.request_id IS NOT NULL THEN 'cancelled'
        WHEN NOT changed.is_cancelled THEN 'already-processed'
        WHEN ${isCancellable('latest')} THEN NULL
        WHEN latest.state IN ('scheduled', 'held', 'dialled', 'withdrawing', 'failed') THEN 'already-processed'
        ELSE 'not-found'
      END AS outcome
    FROM latest
    LEFT JOIN first_request ON first_request.request_id = latest.request_id
    LEFT JOIN changed ON changed.id = latest.id
    LEFT JOIN withdrawing ON withdrawing."leadId" = latest.id
  ), saved AS (
    INSERT INTO submission (id, kind, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id)
    SELECT requested.id, 'cancel', partner_id, key_id, received_at, type, mobile, 0, content, outcome,
      CASE WHEN outcome <> 'not-found' THEN lead_id END
    FROM decided JOIN requested ON requested.id = decided.id
    WHERE outcome IS NOT NULL
  ), recorded AS (
    INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, lead_id, recorded_at)
    SELECT partner_id, idempotency_key, fingerprint, CASE WHEN is_withdrawing THEN '${pendingOutcome}' ELSE outcome END,
      CASE WHEN is_withdrawing THEN lead_id END, $2
    FROM decided JOIN requested ON requested.id = decided.id
    WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
  )
  SELECT id, CASE WHEN is_withdrawing THEN '${pendingOutcome}' ELSE outcome END AS outcome,
    lead_id AS "leadId", false AS "isReplay"
  FROM decided WHERE outcome IS NOT NULL AND ${isCurrent}
  UNION ALL
  SELECT id, CASE WHEN is_same_request THEN outcome ELSE 'idempotency-key-reused' END, lead_id, true FROM replayed`,
);

/**
 * Reads the results of those cancellations in `$1` that are already saved. If a lead was being withdrawn, or is, the
 * response is still to be settled.
 */
const savedCancellations: Statement = {
  name: 'saved_cancellations',
  text: `
    SELECT submission.id, lead_id AS "leadId", false AS "isReplay",
      CASE WHEN submission.outcome = 'already-processed'
        AND EXISTS (SELECT FROM withdrawal WHERE withdrawal.lead_id = submission.lead_id)
        THEN '${pendingOutcome}' ELSE submission.outcome END AS outcome
    FROM json_to_recordset($1::json) AS sent (id text)
    JOIN submission ON submission.id = sent.id`,
};

/** A row of either statement. */
interface CancellationRow {
  id: string;
  outcome: CancellationOutcome | typeof pendingOutcome | 'idempotency-key-reused';
  leadId: string | null;
  isReplay: boolean;
}

/** Returns a function that stores a batch of cancellations, and cancels their leads or begins to withdraw them. */
export function canceller(
  database: PostgresDatabase,
  withdrawalEvents: WithdrawalEvents,
): (entries: readonly Entry<SentCancellation, CancellationResult>[]) => Promise<void> {
  return (entries) =>
    writeBatch(database, entries, {
      write: (sent) => database.write<CancellationRow>(cancel, [sent, Date.now()]),
      readSaved: (sent) => database.runOnce<CancellationRow>(savedCancellations, [sent]),
      toResult(row) {
        const result = resultOf(row);
        if (result.outcome === pendingOutcome) withdrawalEvents.emit();
        return result;
      },
    });
}

function resultOf({ outcome, leadId, isReplay }: CancellationRow): CancellationResult {
  if (outcome === 'idempotency-key-reused') return { outcome };
  if (outcome !== pendingOutcome) return { outcome, isReplay };
  if (leadId === null) throw new Error('A withdrawal began without a lead.');
  return { outcome, leadId, isReplay };
}
