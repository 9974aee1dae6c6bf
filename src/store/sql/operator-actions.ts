import type { LeadState, SubmissionOutcome } from '../../leads/lead.ts';
import { type Submission, scheduleOf } from '../../leads/submission.ts';
import { sentSchedule, submittedLead } from '../../leads/submitted-fields.ts';
import { checkNotCancelled } from '../cancelled-later.ts';
import type {
  OperatorActions,
  RerunResult,
  ResolvedState,
  RetryOptions,
  RetryResult,
} from '../operator-actions.ts';
import type { RelatedCancellation } from '../records.ts';
import { userErrors } from '../user-errors.ts';
import { audit } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { cancelLead, checkCancellable, dismissLead } from './end-lead.ts';
import { recordAction } from './lead-actions.ts';
import { latestFirst, nextEndedOrder } from './lead-order.ts';
import { isUndecided } from './lead-state.ts';
import { cancelRemainingLeads, countRemainingLeads } from './remaining-leads.ts';
import { sentFor } from './sent-for.ts';
import { statement } from './statement.ts';
import { isSuppressed } from './suppressed-leads.ts';
import { namesOfType } from './type-name.ts';
import { resolveWithdrawal, retryWithdrawal } from './withdrawals/actions.ts';
import { abandonWithdrawal, endWithdrawn } from './withdrawals/end.ts';

/** Outcome of a submission, with the lead that it created or the one that prevented it. */
export type Decision =
  | { outcome: 'accepted'; leadId: string; dueAt: number }
  | { outcome: Exclude<SubmissionOutcome, 'accepted'>; leadId: string | null };

/** What a store contributes to operators' actions. */
export interface Scheduling {
  /**
   * Waits for partners' cancellations and for pruning in progress, and makes later ones wait until the change has
   * ended. Undefined: the store has one writer at a time.
   */
  excludeOthers?(): Change<void>;
  /** Decides on a submission, and creates its lead if it is accepted. */
  decide(submission: Submission): Change<Decision>;
  /** Called once a lead is scheduled. @param dueAt milliseconds since 1970 */
  onScheduled?(dueAt: number): void;
  /** Called once a withdrawal has begun or ended. */
  onWithdrawal(): void;
}

/** Carries out operators' actions in a database. */
export function operatorActions(database: SqlDatabase, scheduling: Scheduling): OperatorActions {
  const change = <Result>(begin: () => Change<Result>) =>
    database.change(function* () {
      if (scheduling.excludeOthers !== undefined) yield* scheduling.excludeOthers();
      return yield* begin();
    });

  return {
    async rerunSubmission(id, isForced = false) {
      const { dueAt, ...result } = await change(() => rerunSubmission(scheduling, id, isForced));
      if (dueAt !== undefined) scheduling.onScheduled?.(dueAt);
      return result;
    },

    async retryLead(id, options = {}) {
      const dueAt = Date.now();
      const result = await change(() => retryLead(id, dueAt, options));
      scheduling.onScheduled?.(dueAt);
      return result;
    },

    async releaseLead(id, isForced = false) {
      const { nextAttemptAt, ...result } = await change(() => releaseLead(id, isForced));
      scheduling.onScheduled?.(nextAttemptAt);
      return result;
    },

    resolveLead: (id, wasDelivered) => change(() => resolveLead(id, wasDelivered)),
    async cancelLead(id, withdrawsAny = false) {
      const cancelled = await change(() => cancelLead(id, withdrawsAny));
      if (cancelled.isWithdrawing) scheduling.onWithdrawal();
      return cancelled;
    },

    async resolveWithdrawal(id, wasWithdrawn) {
      await change(() => resolveWithdrawal(id, wasWithdrawn));
      scheduling.onWithdrawal();
    },

    async retryWithdrawal(id) {
      await change(() => retryWithdrawal(id));
      scheduling.onWithdrawal();
    },

    checkCancellable: (id, withdrawsAny = false) => database.change(() => checkCancellable(id, withdrawsAny)),
    dismissLead: (id) => change(() => dismissLead(id)),
    countRemainingLeads: (filter) => countRemainingLeads(database, filter),
    cancelRemainingLeads: (filter) => cancelRemainingLeads(database, change, filter),
  };
}

/** A submission with its position in the order in which the store received everything. */
type StoredSubmission = Submission & { sequence: number; maxPriority: number };

/** Locks the submission, so that it is not pruned while its lead is created. */
const storedSubmission = statement<StoredSubmission>(
  'stored_submission',
  ({ lock }) => `
    SELECT id, partner_id AS "partnerId", key_id AS "keyId", received_at AS "receivedAt", type, mobile, delays, content, sequence,
      (SELECT max_priority FROM partner WHERE partner.id = submission.partner_id) AS "maxPriority"
    FROM submission WHERE id = $1 AND kind = 'add' ${lock('submission')}`,
);

const relatedCancellations = statement<RelatedCancellation>(
  'related_cancellations',
  (dialect) => `
    SELECT submission.id, partner.name AS partner, submission.type, submission.received_at AS "receivedAt",
      submission.outcome, submission.lead_id AS "leadId",
      submission.sequence > $4 AS "isLater", submission.partner_id = $3 AS "isOwn"
    FROM submission JOIN partner ON partner.id = submission.partner_id
    WHERE submission.kind = 'cancel' AND submission.type ${dialect.inQuery(namesOfType('$2'))} AND ${sentFor('$1', dialect)}
    ORDER BY submission.sequence`,
  { isLater: true, isOwn: true },
);

/** Returns the cancellations of a submission's person and type, oldest first. */
function* cancellationsOf(submission: StoredSubmission): Change<RelatedCancellation[]> {
  const { mobile, type, partnerId, sequence } = submission;
  return [...(yield* run(relatedCancellations, mobile, type, partnerId, sequence))];
}

const insertRerun = statement(
  'insert_rerun',
  'INSERT INTO rerun (submission_id, rerun_at, outcome, lead_id) VALUES ($1, $2, $3, $4)',
);

/** Re-runs a submission. Also returns when its lead is due (ms since 1970); undefined: no lead was created. */
function* rerunSubmission(
  scheduling: Scheduling,
  id: string,
  isForced: boolean,
): Change<RerunResult & { dueAt: number | undefined }> {
  const submission = yield* firstRow(storedSubmission, id);
  if (submission === undefined) throw userErrors.noSubmission(id);
  const cancellations = yield* cancellationsOf(submission);
  if (!isForced) checkNotCancelled(`Submission ${id}`, cancellations);
  const rerunAt = Date.now();
  const schedule = sentSchedule(submittedLead(submission.content));
  if (hasExpired(schedule, rerunAt)) throw userErrors.expiredSubmission(id, schedule.expiresAt);
  const scheduled = { ...submission, ...scheduleOf(schedule, submission, submission.maxPriority) };
  const decision = yield* scheduling.decide(scheduled);
  const { outcome, leadId } = decision;
  yield* run(insertRerun, id, rerunAt, outcome, leadId);
  yield* audit({ kind: 'submission', id }, undefined, { outcome, lead_id: leadId });
  const dueAt = decision.outcome === 'accepted' ? decision.dueAt : undefined;
  return { rerunAt, outcome, leadId, cancellations, dueAt };
}

/** Whether it is too late to call. */
function hasExpired<Row extends { expiresAt: number | null | undefined }>(
  row: Row,
  now: number,
): row is Row & { expiresAt: number } {
  return (row.expiresAt ?? Number.POSITIVE_INFINITY) <= now;
}

const leadToRetry = statement<{
  state: LeadState;
  dueAt: number;
  expiresAt: number | null;
  isInFlight: boolean;
  mayHaveArrived: boolean;
  isSuppressed: boolean;
  submissionId: string;
  latestId: string;
}>(
  'lead_to_retry',
  ({ lock }) => `
    SELECT state, due_at AS "dueAt", expires_at AS "expiresAt", claim IS NOT NULL AS "isInFlight", may_have_arrived AS "mayHaveArrived",
      ${isSuppressed.replaceAll('lead.', 'retried.')} AS "isSuppressed", submission_id AS "submissionId",
      (SELECT lead.id FROM lead WHERE lead.mobile = retried.mobile AND lead.type_id = retried.type_id
       ORDER BY ${latestFirst} LIMIT 1) AS "latestId"
    FROM lead AS retried WHERE retried.id = $1 ${lock('retried')}`,
  { isInFlight: true, mayHaveArrived: true, isSuppressed: true },
);

const scheduleAgain = statement(
  'schedule_again',
  `UPDATE lead SET state = 'scheduled', ended_order = 0, attempts = 0, cancelled_at = NULL, due_at = $1,
     next_attempt_at = $1, waits_for = NULL
   WHERE id = $2`,
);

const retryableStates: readonly LeadState[] = ['failed', 'dismissed', 'scheduled', 'suppressed'];

/** States of leads that could be retried if it were not too late to call. */
const expiringStates: readonly LeadState[] = [...retryableStates, 'expired'];

function* retryLead(
  id: string,
  now: number,
  { isForced = false, isEarly = false }: RetryOptions,
): Change<RetryResult> {
  const lead = yield* firstRow(leadToRetry, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (expiringStates.includes(lead.state) && hasExpired(lead, now)) {
    throw userErrors.expiredLead(id, lead.expiresAt);
  }
  if (!retryableStates.includes(lead.state)) throw userErrors.notRetryable(id, lead.state);
  if (lead.isInFlight) throw userErrors.inFlight(id, 'retried');
  if (lead.isSuppressed) throw userErrors.doNotCall(id);
  if (lead.state === 'scheduled' && lead.dueAt > now && !isEarly) throw userErrors.notYetDue(id, lead.dueAt);
  if (lead.latestId !== id) throw userErrors.addedAgain(id, lead.latestId);
  const submission = yield* firstRow(storedSubmission, lead.submissionId);
  if (submission === undefined) throw userErrors.withoutSubmission(id);
  const cancellations = yield* cancellationsOf(submission);
  if (!isForced) checkNotCancelled(`Lead ${id}`, cancellations);
  yield* abandonWithdrawal(id, now, 'an operator has retried the lead');
  yield* run(scheduleAgain, now, id);
  yield* recordAction(id, 'retried', { state: lead.state });
  return { mayHaveArrived: lead.mayHaveArrived, cancellations };
}

const leadToRelease = statement<{
  state: LeadState;
  mayHaveArrived: boolean;
  isSuppressed: boolean;
  submissionId: string;
  nextAttemptAt: number;
}>(
  'lead_to_release',
  ({ lock }) => `
    SELECT state, may_have_arrived AS "mayHaveArrived", submission_id AS "submissionId",
      ${isSuppressed} AS "isSuppressed", next_attempt_at AS "nextAttemptAt"
    FROM lead WHERE id = $1 ${lock('lead')}`,
  { mayHaveArrived: true, isSuppressed: true },
);

const scheduleHeld = statement('schedule_held', `UPDATE lead SET state = 'scheduled' WHERE id = $1`);

/** Releases a held lead. Also returns when it can be claimed (ms since 1970). */
function* releaseLead(id: string, isForced: boolean): Change<RetryResult & { nextAttemptAt: number }> {
  const lead = yield* firstRow(leadToRelease, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (lead.state !== 'held') throw userErrors.notHeld(id, lead.state);
  if (lead.isSuppressed) throw userErrors.doNotCall(id);
  const submission = yield* firstRow(storedSubmission, lead.submissionId);
  const cancellations = submission === undefined ? [] : yield* cancellationsOf(submission);
  if (!isForced) checkNotCancelled(`Lead ${id}`, cancellations);
  yield* run(scheduleHeld, id);
  yield* recordAction(id, 'released', { state: lead.state });
  return { mayHaveArrived: lead.mayHaveArrived, cancellations, nextAttemptAt: lead.nextAttemptAt };
}

const leadToResolve = statement<{ state: LeadState; isUndecided: boolean; isClaimed: boolean }>(
  'lead_to_resolve',
  ({ lock }) => `
    SELECT state, ${isUndecided} AS "isUndecided", claim IS NOT NULL AS "isClaimed"
    FROM lead WHERE id = $1 ${lock('lead')}`,
  { isUndecided: true, isClaimed: true },
);

/**
 * The time at which a held or scheduled lead was delivered is unknown: its attempts are earlier ones, or it was
 * delivered under another id.
 */
const markDelivered = statement(
  'mark_delivered',
  `UPDATE lead SET state = 'dialled', dialled_at = CASE WHEN state IN ('failed', 'withdrawing') THEN coalesce(
     (SELECT ended_at FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1), $1) ELSE $1 END
   WHERE id = $2`,
);

const markNotDelivered = statement(
  'mark_not_delivered',
  `UPDATE lead SET may_have_arrived = false, ended_order = CASE state WHEN 'held' THEN 0 ELSE ${nextEndedOrder} END
   WHERE id = $1`,
);

function* resolveLead(id: string, wasDelivered: boolean): Change<ResolvedState> {
  const lead = yield* firstRow(leadToResolve, id);
  if (lead === undefined) throw userErrors.noLead(id);
  const { state } = lead;
  checkResolvable(id, lead, wasDelivered);
  let isWithdrawn = false;
  if (wasDelivered) yield* run(markDelivered, Date.now(), id);
  else {
    const response = 'an operator has recorded that the lead was not delivered';
    isWithdrawn = yield* endWithdrawn(id, Date.now(), response);
    if (!isWithdrawn) yield* run(markNotDelivered, id);
  }
  yield* recordAction(id, wasDelivered ? 'resolved-delivered' : 'resolved-not-delivered', { state });
  return isWithdrawn ? 'withdrawing' : asResolved(state);
}

/** Narrows the state of a lead that `checkResolvable` has accepted. */
function asResolved(state: LeadState): ResolvedState {
  return state === 'scheduled' || state === 'held' || state === 'withdrawing' ? state : 'failed';
}

/** @throws {UserError} if an operator cannot resolve the lead now */
function checkResolvable(
  id: string,
  { state, isUndecided, isClaimed }: { state: LeadState; isUndecided: boolean; isClaimed: boolean },
  wasDelivered: boolean,
): void {
  if (state === 'scheduled' && !wasDelivered) throw userErrors.notDeliveredYet(id);
  if (state === 'scheduled' || state === 'withdrawing') {
    if (isClaimed) throw userErrors.inFlight(id, 'resolved');
  } else if (state !== 'held' && !isUndecided) throw userErrors.notUndecided(id, state);
}
