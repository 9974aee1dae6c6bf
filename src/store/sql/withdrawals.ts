import type { LeadState } from '../../leads/lead.ts';
import type { WithdrawalCause, WithdrawalOutcome } from '../../leads/withdrawal.ts';
import type { Attempt } from '../delivery.ts';
import { inPages } from '../pages.ts';
import type {
  ClaimedWithdrawal,
  WithdrawalAttempt,
  WithdrawalClaimTerms,
  WithdrawalFilter,
  WithdrawalRecord,
  Withdrawals,
} from '../withdrawals.ts';
import { auditedBefore } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { isClaimable, isDiallerUsable } from './delivery-pauses.ts';
import {
  claimedSince,
  dueLeadColumns,
  dueLeadJoins,
  interruptedResponse,
  lastUnknownAt,
} from './due-lead.ts';
import { afterAllIds } from './id-pages.ts';
import { nextEndedOrder } from './lead-order.ts';
import { isUndecided, isWithdrawable } from './lead-state.ts';
import { statement } from './statement.ts';
import { openAmong, recordWithdrawalEvidence } from './withdrawal-evidence.ts';

/** Tells this process, and others if the store can, that a withdrawal has begun or ended. */
export interface WithdrawalEvents {
  emit(): void;
  subscribe(listener: () => void): () => void;
}

/** Returns events that only this process notices. */
export function localWithdrawalEvents(): WithdrawalEvents {
  const listeners = new Set<() => void>();
  return {
    emit: () => {
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Manages the withdrawals in a database. */
export function withdrawals(database: SqlDatabase, events: WithdrawalEvents): Withdrawals {
  const ending = async <Result>(change: Promise<Result>) => {
    const result = await change;
    events.emit();
    return result;
  };
  return {
    claimWithdrawals: async (terms) => {
      const { claimed, ended } = await database.change(() => claimWithdrawals(terms));
      if (ended > 0) events.emit();
      return claimed;
    },
    nextWithdrawalAt: async () => (await database.read(nextWithdrawal, Date.now()))[0]?.at ?? undefined,
    recordWithdrawal: (claim, attempt, nextAttemptAt) =>
      ending(database.change(() => recordWithdrawal(claim, attempt, nextAttemptAt))),
    releaseWithdrawals: async (claim, leadIds, notBefore) => {
      await database.change(() => {
        const now = Date.now();
        return run(releaseWithdrawals, claim, leadIds, notBefore - now, now);
      });
    },
    hastenWithdrawals: async () => {
      const hastened = await database.change(hastenWithdrawals);
      if (hastened > 0) events.emit();
      return hastened;
    },
    onWithdrawal: (listener) => events.subscribe(listener),
    endedWithdrawals: async (leadIds) => {
      const rows = await database.read(endedWithdrawals, leadIds);
      return new Map(rows.map(({ leadId, outcome }) => [leadId, outcome]));
    },
    settleCancellation: (cancellation, leadId, idempotencyKey) =>
      database.change(() => settleCancellation(cancellation, leadId, idempotencyKey)),
    withdrawalStats: async () => {
      const [stats] = await database.read(withdrawalCounts);
      return { open: stats?.open ?? 0, openSince: stats?.openSince ?? undefined, failed: stats?.failed ?? 0 };
    },
    withdrawalOf: async (leadId) => (await database.read(withdrawalOfLead, leadId))[0],
    withdrawals: (filter, limit) => listWithdrawals(database, filter, limit),
  };
}

/**
 * The end of a statement that inserts withdrawals: an open one continues, a failed one begins again. It returns the
 * leads whose withdrawal is open.
 */
export const orContinueWithdrawal = `
  ON CONFLICT (lead_id) DO UPDATE SET
    cause = CASE WHEN excluded.cause = 'cancellation' THEN withdrawal.cause ELSE excluded.cause END,
    requested_at = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.requested_at ELSE excluded.requested_at END,
    next_attempt_at = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.next_attempt_at ELSE excluded.next_attempt_at END,
    attempts = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.attempts ELSE 0 END,
    ended_at = NULL, outcome = NULL, repeat_at = NULL
  WHERE withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed'
  RETURNING lead_id AS "leadId"`;

/** State of a lead once its withdrawal has begun. The dialler certainly has one that is dialled. */
export const withdrawingState = `CASE lead.state WHEN 'dialled' THEN 'dialled' ELSE 'withdrawing' END`;

const beginWithdrawing = statement(
  'begin_withdrawing',
  ({ inList }) => `
    UPDATE lead SET state = ${withdrawingState} WHERE id ${inList('$1')} AND ${isWithdrawable('lead')}`,
);

const insertWithdrawals = statement<{ leadId: string }>(
  'insert_withdrawals',
  ({ inList, claimableUntil }) => `
    INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at)
    SELECT id, $2, $3, ${claimableUntil('$3')} FROM lead
    WHERE id ${inList('$1')} AND state IN ('dialled', 'withdrawing')
    ORDER BY id ${orContinueWithdrawal}`,
);

/**
 * Begins to withdraw leads that the dialler has, or may have: no attempt to deliver one of them starts any more. Call
 * `onWithdrawal` listeners afterwards. Other leads are left out, and so are those whose withdrawal was too late.
 *
 * @returns ids of the leads whose withdrawal is open
 */
export function* withdrawLeads(leadIds: readonly string[], cause: WithdrawalCause): Change<string[]> {
  yield* run(beginWithdrawing, leadIds);
  const continued = yield* openAmong(leadIds);
  const open = yield* run(insertWithdrawals, leadIds, cause, Date.now());
  for (const { leadId } of open) if (!continued.has(leadId)) yield* recordWithdrawalEvidence(leadId);
  return open.map(({ leadId }) => leadId);
}

/** Whether the lead of an open withdrawal was certainly not delivered. */
const isUndelivered = `(lead.state = 'withdrawing' AND lead.claim IS NULL AND NOT lead.may_have_arrived)`;

/**
 * Whether a cancellation is for a lead whose person was added again since: a later lead is never withdrawn. A lead that
 * was cancelled already, and delivered later, is.
 */
const isSuperseded = `(lead.ended_order > 0 AND withdrawal.cause = 'cancellation' AND lead.state <> 'cancelled')`;

/**
 * Condition: whether pauses allow a withdrawal to be claimed. After an objection or erasure, it does not wait for an
 * operator to resume delivery.
 *
 * @param now parameter for the time (ms since 1970)
 */
function isUnhindered(now: string): string {
  return `(${isClaimable(now)} OR withdrawal.cause IN ('objection', 'erasure') AND ${isDiallerUsable(now)})`;
}

/** Time after which a withdrawal is examined again if an attempt to deliver its lead is in flight (ms). */
const inFlightInterval = 100;

const nextWithdrawal = statement<{ at: number | null }>(
  'next_withdrawal',
  ({ leaseStart }) => `
   SELECT min(at) AS at FROM (
     SELECT CASE
       WHEN lead.state = 'withdrawing' AND lead.claim IS NOT NULL AND lead.next_attempt_at > $1 THEN $1 + ${inFlightInterval}
       ELSE withdrawal.next_attempt_at END AS at
     FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
     WHERE withdrawal.outcome IS NULL AND (${isUndelivered} OR ${isSuperseded} OR ${isUnhindered('$1')})
     UNION ALL
     SELECT withdrawal.repeat_at - ${leaseStart('$1')} + $1
     FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
     WHERE withdrawal.repeat_at IS NOT NULL AND ${isUnhindered('$1')}) AS due`,
);

/** Whether the person of a withdrawn lead has an active lead: it may be the same one in the dialler. */
const hasLaterLead = `EXISTS (SELECT 1 FROM lead AS later
  WHERE later.mobile = lead.mobile AND later.type_id = lead.type_id AND later.ended_order = 0)`;

/** The store's clock decides: repeated too early, a removal would miss a lead that the dialler is about to call. */
const repeats = statement<{ leadId: string; hasLaterLead: boolean }>(
  'repeated_withdrawals',
  ({ lockAvailable, leaseStart }) => `
    SELECT withdrawal.lead_id AS "leadId", ${hasLaterLead} AS "hasLaterLead"
    FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id JOIN lead_type ON lead_type.id = lead.type_id
    WHERE withdrawal.repeat_at <= ${leaseStart('$1')} AND ${isUnhindered('$1')}
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
        OR withdrawal.next_attempt_at <= ${claimableUntil('$1')} - $3 AND ${isUnhindered('$1')})
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

/** Claims withdrawn leads that are removed once more. Returns their ids. */
function* claimDueRepeats({ claim, limit, lease }: WithdrawalClaimTerms): Change<string[]> {
  const now = Date.now();
  const found = yield* run(repeats, now, limit);
  const ids = (later: boolean) =>
    found.filter(({ hasLaterLead }) => hasLaterLead === later).map(({ leadId }) => leadId);
  if (ids(true).length > 0) yield* run(endRepeats, ids(true));
  if (ids(false).length > 0) yield* run(claimRepeats, claim, now, lease, ids(false));
  return ids(false);
}

function* claimWithdrawals(
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
    minOverdue === 0 && found.length < limit
      ? yield* claimDueRepeats({ ...terms, limit: limit - found.length })
      : [];
  const all = [...ids, ...repeated];
  return { claimed: all.length === 0 ? [] : [...(yield* run(claimedWithdrawals, all))], ended };
}

/** Number of attempts after which a withdrawal is no longer hastened. */
const maxHastenedAttempts = 5;

const withdrawalsToHasten = statement<{ leadId: string }>(
  'withdrawals_to_hasten',
  ({ lockAvailable }) => `
    SELECT lead_id AS "leadId" FROM withdrawal
    WHERE outcome IS NULL AND claim IS NULL AND next_attempt_at > $1
      AND attempts BETWEEN 1 AND ${maxHastenedAttempts}
    ORDER BY next_attempt_at LIMIT 1000 ${lockAvailable('withdrawal')}`,
);

const makeDue = statement(
  'make_withdrawals_due',
  ({ inList }) => `UPDATE withdrawal SET next_attempt_at = $1 WHERE lead_id ${inList('$2')}`,
);

function* hastenWithdrawals(): Change<number> {
  const now = Date.now();
  const ids = (yield* run(withdrawalsToHasten, now)).map(({ leadId }) => leadId);
  if (ids.length > 0) yield* run(makeDue, now, ids);
  return ids.length;
}

const releaseWithdrawals = statement(
  'release_withdrawals',
  ({ inList, claimableUntil, leaseStart }) => `
    UPDATE withdrawal SET claim = NULL, attempts = attempts - 1, next_attempt_at = ${claimableUntil('$4')} + $3,
      repeat_at = CASE WHEN outcome IS NULL THEN NULL ELSE ${leaseStart('$4')} + $3 END
    WHERE lead_id ${inList('$2')} AND claim = $1 AND (outcome IS NULL OR repeat_at IS NOT NULL)`,
);

/** Locks the lead first, as a cancellation does, so that the two cannot deadlock. */
const lockLead = statement<{ state: LeadState }>(
  'lock_withdrawn_lead',
  ({ lock }) => `SELECT state FROM lead WHERE id = $1 ${lock('lead')}`,
);

function* recordWithdrawal(
  claim: string,
  { leadId, endedAt, outcome, response }: WithdrawalAttempt,
  nextAttemptAt: number | undefined,
): Change<void> {
  yield* run(lockLead, leadId);
  if ((yield* run(heldRepeat, leadId, claim)).length > 0) {
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

const heldRepeat = statement<{ leadId: string }>(
  'held_repeated_withdrawal',
  `SELECT lead_id AS "leadId" FROM withdrawal
   WHERE lead_id = $1 AND claim = $2 AND outcome = 'withdrawn' AND repeat_at IS NOT NULL`,
);

const scheduleRepeat = statement(
  'schedule_repeated_withdrawal',
  ({ leaseStart }) =>
    `UPDATE withdrawal SET repeat_at = ${leaseStart('$3')} + $2, claim = NULL WHERE lead_id = $1`,
);

function* scheduleRepeatAt(leadId: string, repeatAt: number): Change<void> {
  const now = Date.now();
  yield* run(scheduleRepeat, leadId, repeatAt - now, now);
}

const endRepeatTooLate = statement(
  'end_repeated_withdrawal_too_late',
  `UPDATE withdrawal SET outcome = 'too-late', ended_at = $2, response = $3, repeat_at = NULL, claim = NULL
   WHERE lead_id = $1`,
);

/** Records an attempt to remove a withdrawn lead once more. The partner knows already that it was cancelled. */
function* recordRepeat(
  { leadId, endedAt, outcome, response }: WithdrawalAttempt,
  nextAttemptAt: number | undefined,
): Change<void> {
  if (outcome === 'too-late') {
    yield* run(endRepeatTooLate, leadId, endedAt, response);
    yield* recordWithdrawalEvidence(leadId);
  } else if (outcome === 'withdrawn' || nextAttemptAt === undefined) yield* run(endRepeats, [leadId]);
  else yield* scheduleRepeatAt(leadId, nextAttemptAt);
}

const insertLateAttempt = statement<{ leadId: string }>(
  'insert_late_attempt',
  `INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response, basis)
   SELECT id, $2, $3, $4, $5, $6 FROM lead WHERE id = $1 AND NOT EXISTS (
     SELECT 1 FROM attempt WHERE lead_id = $1 AND started_at = $2 AND ended_at = $3 AND outcome = $4)
   RETURNING lead_id AS "leadId"`,
);

/** A withdrawal that was requested after the attempt had ended takes it into account. */
const reopenable = statement<{ state: LeadState }>(
  'reopenable_withdrawal',
  `SELECT state FROM lead WHERE id = $1 AND state IN ('cancelled', 'suppressed')
     AND NOT EXISTS (SELECT 1 FROM withdrawal WHERE lead_id = $1 AND requested_at >= $2)`,
);

const reopenWithdrawal = statement(
  'reopen_withdrawal',
  ({ claimableUntil }) => `
    INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at) VALUES ($1, $2, $3, ${claimableUntil('$4')})
    ON CONFLICT (lead_id) DO UPDATE SET
      requested_at = excluded.requested_at, next_attempt_at = excluded.next_attempt_at, attempts = 0,
      claim = NULL, outcome = NULL, ended_at = NULL, repeat_at = NULL
    WHERE withdrawal.outcome IS NOT NULL`,
);

/**
 * Records an attempt that changes no state, and opens the withdrawal of its lead again if that was cancelled or suppressed
 * while a stalled server still delivered it. Returns whether it did. An attempt that is recorded already changes nothing.
 */
function* recordLateAttempt(attempt: Attempt): Change<boolean> {
  // `leads due --take` has recorded what it does.
  yield* auditedBefore();
  const { leadId, startedAt, endedAt, outcome, response, basis = null } = attempt;
  yield* run(lockLead, leadId);
  const inserted = yield* run(insertLateAttempt, leadId, startedAt, endedAt, outcome, response, basis);
  if (inserted.length === 0) return false;
  const lead = yield* firstRow(reopenable, leadId, endedAt);
  if (lead === undefined) return false;
  const cause: WithdrawalCause = lead.state === 'suppressed' ? 'objection' : 'cancellation';
  const now = Date.now();
  yield* run(reopenWithdrawal, leadId, cause, Math.max(now, endedAt), now);
  yield* recordWithdrawalEvidence(leadId);
  return true;
}

/**
 * Returns a function that records an attempt by which the dialler has a lead, or may have it, although the lead's state does
 * not change. If the lead was cancelled or suppressed meanwhile, its withdrawal is opened again in the same transaction. The
 * function returns whether it was.
 */
export function lateAttemptRecorder(
  database: SqlDatabase,
  events: WithdrawalEvents,
): (attempt: Attempt) => Promise<boolean> {
  return async (attempt) => {
    const isReopened = await database.change(() => recordLateAttempt(attempt));
    if (isReopened) events.emit();
    return isReopened;
  };
}

const endAsWithdrawn = statement<{ cause: WithdrawalCause }>(
  'end_withdrawn',
  `UPDATE withdrawal SET outcome = 'withdrawn', ended_at = $2, response = $3, claim = NULL
   WHERE lead_id = $1 AND (outcome IS NULL OR outcome = 'failed') RETURNING cause`,
);

const markWithdrawn = statement(
  'mark_withdrawn',
  `UPDATE lead SET state = $1, cancelled_at = $2, dialled_at = NULL, claim = NULL,
     ended_order = CASE ended_order WHEN 0 THEN ${nextEndedOrder} ELSE ended_order END
   WHERE id = $3 AND (state IN ('dialled', 'withdrawing') OR ${isUndecided})`,
);

/**
 * Ends the withdrawal of a lead that the dialler does not have, or no longer has, and ends the lead. Returns whether
 * there was an open or failed withdrawal.
 */
export function* endWithdrawn(leadId: string, endedAt: number, response: string): Change<boolean> {
  const ended = yield* firstRow(endAsWithdrawn, leadId, endedAt, response);
  if (ended === undefined) return false;
  const state = ended.cause === 'objection' ? 'suppressed' : 'cancelled';
  yield* run(markWithdrawn, state, endedAt, leadId);
  yield* recordWithdrawalEvidence(leadId);
  return true;
}

const endAsTooLate = statement<{ leadId: string }>(
  'end_withdrawal_too_late',
  `UPDATE withdrawal SET outcome = 'too-late', ended_at = $2, response = $3, claim = NULL
   WHERE lead_id = $1 AND (outcome IS NULL OR outcome = 'failed') RETURNING lead_id AS "leadId"`,
);

const markDialled = statement(
  'mark_dialled_too_late',
  `UPDATE lead SET state = 'dialled', claim = NULL, dialled_at = coalesce(
     (SELECT ended_at FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1), $1)
   WHERE id = $2 AND (state = 'withdrawing' OR ${isUndecided})`,
);

/** Ends the withdrawal of a lead that is to be called nevertheless, and does not change the lead. */
export function* abandonWithdrawal(leadId: string, endedAt: number, response: string): Change<void> {
  if ((yield* run(endAsTooLate, leadId, endedAt, response)).length > 0)
    yield* recordWithdrawalEvidence(leadId);
}

/** Ends the withdrawal of a lead that was called, or of which a later lead is called. The dialler has the lead. */
export function* endTooLate(leadId: string, endedAt: number, response: string): Change<void> {
  const ended = yield* run(endAsTooLate, leadId, endedAt, response);
  if (ended.length === 0) return;
  yield* run(markDialled, endedAt, leadId);
  yield* recordWithdrawalEvidence(leadId);
}

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

const endedWithdrawals = statement<{ leadId: string; outcome: WithdrawalOutcome }>(
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
function* settleCancellation(
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

const withdrawalCounts = statement<{ open: number; openSince: number | null; failed: number }>(
  'withdrawal_counts',
  `SELECT count(*) AS open, min(requested_at) AS "openSince",
     (SELECT count(*) FROM withdrawal WHERE outcome = 'failed') AS failed
   FROM withdrawal WHERE outcome IS NULL`,
);

const selectWithdrawals = `
  SELECT withdrawal.lead_id AS "leadId", partner.name AS partner, lead_type.name AS type, lead.mobile,
    withdrawal.cause, withdrawal.requested_at AS "requestedAt", withdrawal.attempts,
    CASE WHEN withdrawal.outcome IS NULL AND withdrawal.claim IS NULL
      AND (lead.state <> 'withdrawing' OR lead.claim IS NULL) THEN withdrawal.next_attempt_at END AS "nextAttemptAt",
    withdrawal.outcome, withdrawal.ended_at AS "endedAt", withdrawal.response
  FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id
  JOIN lead_type ON lead_type.id = lead.type_id JOIN partner ON partner.id = lead.partner_id`;

/** Condition: whether a withdrawal is open or has failed. */
const needsAttention = `(withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed')`;

const withdrawalOfLead = statement<WithdrawalRecord>(
  'withdrawal_of_lead',
  `${selectWithdrawals} WHERE withdrawal.lead_id = $1`,
);

function listWithdrawals(
  database: SqlDatabase,
  { state, mobile }: WithdrawalFilter,
  limit: number,
): AsyncGenerator<WithdrawalRecord> {
  const conditions = ['withdrawal.lead_id < $1'];
  if (mobile !== undefined) conditions.push('lead.mobile = $3');
  else if (state === undefined) conditions.push(needsAttention);
  else if (state === 'open') conditions.push('withdrawal.outcome IS NULL');
  else conditions.push('withdrawal.outcome = $3');
  const values = [mobile ?? (state === 'open' ? undefined : state)].filter((value) => value !== undefined);
  // Has no name, because its text depends on the filter.
  const page = statement<WithdrawalRecord>(
    '',
    `${selectWithdrawals} WHERE ${conditions.join(' AND ')} ORDER BY withdrawal.lead_id DESC LIMIT $2`,
  );
  return inPages<WithdrawalRecord>(limit, (last, size) =>
    database.read(page, last?.leadId ?? afterAllIds, size, ...values),
  );
}
