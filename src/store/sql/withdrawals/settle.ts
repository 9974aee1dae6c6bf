import type { WithdrawalOutcome } from '../../../leads/withdrawal.ts';
import { type Change, firstRow, run } from '../database.ts';
import { statement } from '../statement.ts';

/** Finds those of the withdrawals that have ended (see `Withdrawals.endedWithdrawals`). */
export const endedWithdrawals = statement<{ leadId: string; outcome: WithdrawalOutcome }>(
  'ended_withdrawals',
  ({ inList }) => `
    SELECT lead_id AS "leadId", outcome FROM withdrawal WHERE lead_id ${inList('$1')} AND outcome IS NOT NULL`,
);

/** The outcome that an idempotency record has until the first response is known. */
export const pendingOutcome = 'withdrawing';

const settleRecord = statement(
  'settle_idempotency_record',
  `UPDATE idempotency_record SET outcome = $3
   WHERE partner_id = $1 AND idempotency_key = $2 AND outcome = '${pendingOutcome}'`,
);

const recordedOutcome = statement<{ outcome: 'cancelled' | 'already-processed' }>(
  'recorded_cancellation',
  'SELECT outcome FROM idempotency_record WHERE partner_id = $1 AND idempotency_key = $2',
);

const settleSubmission = statement(
  'settle_cancellation',
  `UPDATE submission SET outcome = 'cancelled' WHERE id = $1 AND outcome = 'already-processed'`,
);

/** Settles the outcome of a cancellation (see `Withdrawals.settleCancellation`). */
export function* settleCancellation(
  { id, partnerId }: { id: string; partnerId: number },
  leadId: string,
  idempotencyKey: string | undefined,
): Change<'cancelled' | 'already-processed'> {
  const [ended] = yield* run(endedWithdrawals, [leadId]);
  const current = ended?.outcome === 'withdrawn' ? 'cancelled' : 'already-processed';
  let settled: 'cancelled' | 'already-processed' = current;
  if (idempotencyKey !== undefined) {
    yield* run(settleRecord, partnerId, idempotencyKey, current);
    settled = (yield* firstRow(recordedOutcome, partnerId, idempotencyKey))?.outcome ?? current;
  }
  if (settled === 'cancelled') yield* run(settleSubmission, id);
  return settled;
}
