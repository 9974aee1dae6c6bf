import type { WithdrawalAttempt, WithdrawalClaimTerms } from '../../withdrawals.ts';
import { type Change, run } from '../database.ts';
import { statement } from '../statement.ts';
import { recordWithdrawalEvidence } from './evidence.ts';
import { isAllowedByPauses } from './pauses.ts';

/** Whether the person of a withdrawn lead has an active lead: it may be the same one in the dialler. */
const hasLaterLead = `EXISTS (SELECT 1 FROM lead AS later
  WHERE later.mobile = lead.mobile AND later.type_id = lead.type_id AND later.ended_order = 0)`;

/** The store's clock decides: repeated too early, a removal would miss a lead that the dialler is about to call. */
const repeats = statement<{ leadId: string; hasLaterLead: boolean }>(
  'repeated_withdrawals',
  ({ lockAvailable, leaseStart }) => `
    SELECT withdrawal.lead_id AS "leadId", ${hasLaterLead} AS "hasLaterLead"
    FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
    WHERE withdrawal.repeat_at <= ${leaseStart('$1')} - $3 AND ${isAllowedByPauses('$1')}
    ORDER BY withdrawal.repeat_at, withdrawal.lead_id LIMIT $2 ${lockAvailable('withdrawal, lead')}`,
  { hasLaterLead: true },
);

const claimRepeats = statement(
  'claim_repeated_withdrawals',
  ({ inList, leaseStart }) => `
    UPDATE withdrawal SET claim = $1, attempts = attempts + 1, repeat_at = ${leaseStart('$2')} + $3
    WHERE lead_id ${inList('$4')}`,
);

const endRepeats = statement(
  'end_repeated_withdrawals',
  ({ inList }) => `UPDATE withdrawal SET repeat_at = NULL, claim = NULL WHERE lead_id ${inList('$1')}`,
);

/** Claims withdrawn leads that are removed once more. Returns their ids. */
export function* claimDueRepeats({
  claim,
  limit,
  lease,
  minOverdue = 0,
}: WithdrawalClaimTerms): Change<string[]> {
  const now = Date.now();
  const found = yield* run(repeats, now, limit, minOverdue);
  const ids = (later: boolean) =>
    found.filter(({ hasLaterLead }) => hasLaterLead === later).map(({ leadId }) => leadId);
  if (ids(true).length > 0) yield* run(endRepeats, ids(true));
  if (ids(false).length > 0) yield* run(claimRepeats, claim, now, lease, ids(false));
  return ids(false);
}

/** Finds the repeated withdrawal of a lead if the claim holds it. */
export const claimedRepeat = statement<{ leadId: string }>(
  'held_repeated_withdrawal',
  `SELECT lead_id AS "leadId" FROM withdrawal
   WHERE lead_id = $1 AND claim = $2 AND outcome = 'withdrawn' AND repeat_at IS NOT NULL`,
);

const scheduleRepeat = statement(
  'schedule_repeated_withdrawal',
  ({ leaseStart }) =>
    `UPDATE withdrawal SET repeat_at = ${leaseStart('$3')} + $2, claim = NULL WHERE lead_id = $1`,
);

/** Schedules that a withdrawn lead is removed once more. @param repeatAt milliseconds since 1970 */
export function* scheduleRepeatAt(leadId: string, repeatAt: number): Change<void> {
  const now = Date.now();
  yield* run(scheduleRepeat, leadId, repeatAt - now, now);
}

const endRepeatOtherwise = statement(
  'end_repeated_withdrawal_otherwise',
  `UPDATE withdrawal SET outcome = $4, ended_at = $2, response = $3, repeat_at = NULL, claim = NULL
   WHERE lead_id = $1`,
);

/** Records an attempt to remove a withdrawn lead once more. The partner has already learnt that it was cancelled. */
export function* recordRepeat(
  { leadId, endedAt, outcome, response }: WithdrawalAttempt,
  nextAttemptAt: number | undefined,
): Change<void> {
  if (outcome === 'withdrawn') yield* run(endRepeats, [leadId]);
  else if (outcome === 'too-late' || nextAttemptAt === undefined) {
    yield* run(endRepeatOtherwise, leadId, endedAt, response, outcome === 'too-late' ? outcome : 'failed');
    yield* recordWithdrawalEvidence(leadId);
  } else yield* scheduleRepeatAt(leadId, nextAttemptAt);
}
