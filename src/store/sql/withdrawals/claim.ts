import { withdrawalRetrySchedule } from '../../../leads/retry-schedule.ts';
import type { WithdrawalCause } from '../../../leads/withdrawal.ts';
import type { ClaimedWithdrawal, WithdrawalClaimTerms } from '../../withdrawals.ts';
import { type Change, run } from '../database.ts';
import {
  claimedSince,
  dueLeadColumns,
  dueLeadJoins,
  interruptedResponse,
  lastUnknownAt,
} from '../due-lead.ts';
import { statement } from '../statement.ts';
import { endTooLate, endWithdrawn } from './end.ts';
import { isAllowedByPauses } from './pauses.ts';
import { claimDueRepeats } from './repeat.ts';

/** Whether the lead of an open withdrawal was certainly not delivered. */
const isUndelivered = `(lead.state = 'withdrawing' AND lead.claim IS NULL AND NOT lead.may_have_arrived)`;

/**
 * Whether a cancellation is for a lead whose person was added again since: a later lead is never withdrawn. A lead that
 * was cancelled already, and delivered later, is.
 */
const isSuperseded = `(lead.ended_order > 0 AND withdrawal.cause = 'cancellation' AND lead.state <> 'cancelled')`;

/** Time after which a withdrawal is examined again if an attempt to deliver its lead is in flight (ms). */
const inFlightInterval = 100;

/** Finds when a withdrawal may be claimed (see `Withdrawals.nextWithdrawalAt`). */
export const nextWithdrawal = statement<{ at: number | null }>(
  'next_withdrawal',
  ({ leaseStart }) => `
   SELECT min(at) AS at FROM (
     SELECT CASE
       WHEN lead.state = 'withdrawing' AND lead.claim IS NOT NULL AND lead.next_attempt_at > $1 THEN $1 + ${inFlightInterval}
       ELSE withdrawal.next_attempt_at END AS at
     FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
     WHERE withdrawal.outcome IS NULL AND (${isUndelivered} OR ${isSuperseded} OR ${isAllowedByPauses('$1')})
     UNION ALL
     SELECT withdrawal.repeat_at - ${leaseStart('$1')} + $1
     FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
     WHERE withdrawal.repeat_at IS NOT NULL AND ${isAllowedByPauses('$1')}) AS due`,
);

/** An open withdrawal that may be claimed. */
interface Candidate {
  leadId: string;
  cause: WithdrawalCause;
  isUndelivered: boolean;
  isSuperseded: boolean;
  /** Whether the lease of an attempt to deliver the lead has ended before it recorded an outcome. */
  isInterrupted: boolean;
}

const candidates = statement<Candidate>(
  'withdrawal_candidates',
  ({ lockAvailable, claimableUntil }) => `
    SELECT withdrawal.lead_id AS "leadId", withdrawal.cause, ${isUndelivered} AS "isUndelivered",
      ${isSuperseded} AS "isSuperseded", lead.state = 'withdrawing' AND lead.claim IS NOT NULL AS "isInterrupted"
    FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
    WHERE withdrawal.outcome IS NULL AND withdrawal.next_attempt_at <= ${claimableUntil('$1')}
      AND (lead.state <> 'withdrawing' OR lead.claim IS NULL OR lead.next_attempt_at <= ${claimableUntil('$1')})
      AND (${isUndelivered} OR ${isSuperseded}
        OR withdrawal.next_attempt_at <= ${claimableUntil('$1')} - $3 AND ${isAllowedByPauses('$1')})
    ORDER BY withdrawal.next_attempt_at, withdrawal.lead_id LIMIT $2 ${lockAvailable('withdrawal, lead')}`,
  { isUndelivered: true, isSuperseded: true, isInterrupted: true },
);

const insertInterrupted = statement(
  'insert_interrupted_withdrawing',
  ({ inList }) => `
    INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
    SELECT id, ${claimedSince}, $2, 'unknown', '${interruptedResponse}' FROM lead WHERE id ${inList('$1')} ORDER BY id`,
);

const endInterrupted = statement(
  'end_interrupted_withdrawing',
  ({ inList }) => `UPDATE lead SET claim = NULL, may_have_arrived = true WHERE id ${inList('$1')}`,
);

const claimEach = statement(
  'claim_withdrawals',
  ({ inList, leaseStart }) => `
    UPDATE withdrawal SET claim = $1, attempts = attempts + 1, next_attempt_at = ${leaseStart('$2')} + $3
    WHERE lead_id ${inList('$4')}`,
);

const claimedWithdrawals = statement<ClaimedWithdrawal>(
  'claimed_withdrawals',
  ({ inList }) => `
    SELECT ${dueLeadColumns}, withdrawal.attempts AS "attemptNumber", withdrawal.cause,
      withdrawal.outcome IS NOT NULL AS "isRepeat",
      withdrawal.requested_at AS "requestedAt", lead.dialled_at AS "dialledAt",
      (SELECT response FROM attempt WHERE attempt.lead_id = lead.id AND attempt.outcome = 'delivered'
       ORDER BY attempt.id DESC LIMIT 1) AS "deliveryResponse",
      ${lastUnknownAt(`lead.state IN ('withdrawing', 'cancelled', 'suppressed')`)} AS "lastUnknownAt"
    FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id ${dueLeadJoins}
    WHERE withdrawal.lead_id ${inList('$1')} ORDER BY withdrawal.requested_at, lead.id`,
  { isRepeat: true },
);

/** Claims withdrawals (see `Withdrawals.claimWithdrawals`). Also returns how many have ended without the dialler. */
export function* claimWithdrawals(
  terms: WithdrawalClaimTerms,
): Change<{ claimed: ClaimedWithdrawal[]; ended: number }> {
  const { claim, limit, lease, minOverdue = 0 } = terms;
  const now = Date.now();
  const found = yield* run(candidates, now, limit, minOverdue);
  const ids: string[] = [];
  const interrupted: string[] = [];
  for (const candidate of found) {
    const { leadId } = candidate;
    if (candidate.isUndelivered) yield* endWithdrawn(leadId, now, 'the lead was not delivered');
    else if (candidate.isSuperseded) yield* endTooLate(leadId, now, 'the person was added again');
    else ids.push(leadId);
    if (candidate.isInterrupted) interrupted.push(leadId);
  }
  if (interrupted.length > 0) {
    yield* run(insertInterrupted, interrupted, now);
    yield* run(endInterrupted, interrupted);
  }
  const ended = found.length - ids.length;
  if (ids.length > 0) yield* run(claimEach, claim, now, lease, ids);
  const repeated =
    found.length < limit ? yield* claimDueRepeats({ ...terms, limit: limit - found.length }) : [];
  const all = [...ids, ...repeated];
  return { claimed: all.length === 0 ? [] : [...(yield* run(claimedWithdrawals, all))], ended };
}

/** Number of attempts after which a withdrawal is no longer hastened: two are left. */
export const maxHastenedAttempts = withdrawalRetrySchedule.length - 1;

const withdrawalsToHasten = statement<{ leadId: string }>(
  'withdrawals_to_hasten',
  ({ lockAvailable, claimableUntil }) => `
    SELECT lead_id AS "leadId" FROM withdrawal
    WHERE outcome IS NULL AND claim IS NULL AND next_attempt_at > ${claimableUntil('$1')}
      AND attempts BETWEEN 1 AND ${maxHastenedAttempts}
    ORDER BY next_attempt_at LIMIT 1000 ${lockAvailable('withdrawal')}`,
);

const makeDue = statement(
  'make_withdrawals_due',
  ({ inList, claimableUntil }) =>
    `UPDATE withdrawal SET next_attempt_at = ${claimableUntil('$1')} WHERE lead_id ${inList('$2')}`,
);

/** Makes withdrawals due (see `Withdrawals.hastenWithdrawals`). */
export function* hastenWithdrawals(): Change<number> {
  const now = Date.now();
  const ids = (yield* run(withdrawalsToHasten, now)).map(({ leadId }) => leadId);
  if (ids.length > 0) yield* run(makeDue, now, ids);
  return ids.length;
}

/** Releases claimed withdrawals (see `Withdrawals.releaseWithdrawals`). */
export const releaseWithdrawals = statement(
  'release_withdrawals',
  ({ inList, claimableUntil, leaseStart }) => `
    UPDATE withdrawal SET claim = NULL, attempts = attempts - 1, next_attempt_at = ${claimableUntil('$4')} + $3,
      repeat_at = CASE WHEN outcome IS NULL THEN NULL ELSE ${leaseStart('$4')} + $3 END
    WHERE lead_id ${inList('$2')} AND claim = $1 AND (outcome IS NULL OR repeat_at IS NOT NULL)`,
);
