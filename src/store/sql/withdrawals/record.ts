import type { WithdrawalAttempt } from '../../withdrawals.ts';
import { type Change, run } from '../database.ts';
import { statement } from '../statement.ts';
import { endTooLate, endWithdrawn } from './end.ts';
import { recordWithdrawalEvidence } from './evidence.ts';
import { lockLead } from './lock-lead.ts';
import { claimedRepeat, recordRepeat, scheduleRepeatAt } from './repeat.ts';

const endFailed = statement<{ leadId: string }>(
  'end_failed_withdrawal',
  `UPDATE withdrawal SET outcome = 'failed', ended_at = $2, response = $3, claim = NULL
   WHERE lead_id = $1 AND claim = $4 AND outcome IS NULL RETURNING lead_id AS "leadId"`,
);

const markUndecided = statement(
  'mark_undecided',
  `UPDATE lead SET state = 'failed', may_have_arrived = true WHERE id = $1 AND state = 'withdrawing'`,
);

const scheduleWithdrawal = statement(
  'schedule_withdrawal',
  ({ claimableUntil }) => `
    UPDATE withdrawal SET claim = NULL, next_attempt_at = ${claimableUntil('$5')} + $2, response = $3
    WHERE lead_id = $1 AND claim = $4 AND outcome IS NULL`,
);

/** Records an attempt to withdraw a lead (see `Withdrawals.recordWithdrawal`). */
export function* recordWithdrawal(
  claim: string,
  { leadId, endedAt, outcome, response }: WithdrawalAttempt,
  nextAttemptAt: number | undefined,
): Change<void> {
  yield* run(lockLead, leadId);
  if ((yield* run(claimedRepeat, leadId, claim)).length > 0) {
    yield* recordRepeat({ leadId, endedAt, outcome, response }, nextAttemptAt);
  } else if (outcome === 'withdrawn') {
    if ((yield* endWithdrawn(leadId, endedAt, response)) && nextAttemptAt !== undefined)
      yield* scheduleRepeatAt(leadId, nextAttemptAt);
  } else if (outcome === 'too-late') yield* endTooLate(leadId, endedAt, response);
  else if (nextAttemptAt === undefined) {
    const ended = yield* run(endFailed, leadId, endedAt, response, claim);
    if (ended.length > 0) {
      yield* run(markUndecided, leadId);
      yield* recordWithdrawalEvidence(leadId);
    }
  } else {
    const now = Date.now();
    yield* run(scheduleWithdrawal, leadId, nextAttemptAt - now, response, claim, now);
  }
}
