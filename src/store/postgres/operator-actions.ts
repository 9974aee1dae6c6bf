import type { LeadState } from '../../leads/lead.ts';
import type { Submission } from '../../leads/submission.ts';
import { relatedCancellations } from '../cancellation-queries.ts';
import { checkNotCancelled } from '../cancelled-later.ts';
import { isUndecided, latestFirst, nextEndedOrder } from '../lead-order.ts';
import type { OperatorActions, RelatedCancellation, RetryResult } from '../store.ts';
import { checkRetry, checkUndecided, type LeadToResolve, userErrors } from '../user-errors.ts';
import type { PostgresDatabase, Run } from './connection/database.ts';
import { faultOf, isDuplicate } from './connection/fault.ts';
import { type Decision, decideSubmissions, sentSubmissionOf } from './intake/submit.ts';
import type { LeadNotifications } from './notifications.ts';

/** A submission with its place among everything that partners sent. */
type StoredSubmission = Submission & { sequence: number };

const judge = `${decideSubmissions}
  SELECT id, outcome, met_id AS "leadId" FROM decided WHERE outcome IS NOT NULL`;

export function postgresOperatorActions(
  database: PostgresDatabase,
  changes: LeadNotifications,
): OperatorActions {
  return {
    async rerun(id, isForced = false) {
      const { rerun, dueAt } = await database.transaction(async (run) => {
        const submission = await storedSubmission(run, id);
        if (submission === undefined) throw userErrors.noSubmission(id);
        const candidate = sentSubmissionOf(submission);
        const { outcome, leadId } = await judgement(run, JSON.stringify([candidate]));
        // Only now, since a cancellation may have come while the lead was made: a refusal undoes all of it.
        const cancellations = await cancellationsAgainst(run, submission);
        if (!isForced) checkNotCancelled(`submission ${id}`, cancellations);
        const rerunAt = Date.now();
        await run('INSERT INTO rerun (submission_id, rerun_at, outcome, lead_id) VALUES ($1, $2, $3, $4)', [
          id,
          rerunAt,
          outcome,
          leadId,
        ]);
        return { rerun: { rerunAt, outcome, leadId, cancellations }, dueAt: candidate.due_at };
      });
      if (rerun.outcome === 'accepted') changes.announce(dueAt);
      return rerun;
    },

    async retry(id, isForced = false) {
      const dueAt = Date.now();
      const retry = () => database.transaction((run) => scheduleAgain(run, id, dueAt, isForced));
      const retried = await retry().catch((error: unknown) => {
        // A lead that was accepted a moment ago is active now, where this one would be.
        if (faultOf(error) === 'refused' && isDuplicate(error)) return retry();
        throw error;
      });
      changes.announce(dueAt);
      return retried;
    },

    async resolve(id, wasDelivered) {
      await database.transaction((run) => resolve(run, id, wasDelivered));
    },
  };
}

async function storedSubmission(run: Run, id: string): Promise<StoredSubmission | undefined> {
  const [submission] = await run<StoredSubmission>(
    `SELECT id, partner_id AS "partnerId", received_at AS "receivedAt", type, mobile, delays, content, sequence
     FROM submission WHERE id = $1 AND kind = 'add'`,
    [id],
  );
  return submission;
}

function cancellationsAgainst(
  run: Run,
  { mobile, type, partnerId, sequence }: StoredSubmission,
): Promise<RelatedCancellation[]> {
  return run<RelatedCancellation>(relatedCancellations('$'), [mobile, type, partnerId, sequence]);
}

async function judgement(run: Run, candidates: string): Promise<Decision> {
  for (;;) {
    const [judged] = await run<Decision>(judge, [candidates]);
    if (judged !== undefined) return judged;
  }
}

async function scheduleAgain(run: Run, id: string, dueAt: number, isForced: boolean): Promise<RetryResult> {
  const [lead] = await run<{
    state: LeadState;
    mayHaveArrived: boolean;
    submissionId: string;
    lastId: string;
  }>(
    `SELECT state, may_have_arrived AS "mayHaveArrived", submission_id AS "submissionId",
       (SELECT lead.id FROM lead WHERE lead.mobile = retried.mobile AND lead.type_id = retried.type_id
        ORDER BY ${latestFirst} LIMIT 1) AS "lastId"
     FROM lead AS retried WHERE retried.id = $1 FOR UPDATE`,
    [id],
  );
  if (lead === undefined) throw userErrors.noLead(id);
  checkRetry(id, lead.state, lead.lastId);
  const submission = await storedSubmission(run, lead.submissionId);
  const cancellations = submission === undefined ? [] : await cancellationsAgainst(run, submission);
  if (!isForced) checkNotCancelled(`lead ${id}`, cancellations);
  await run(
    `UPDATE lead SET state = 'scheduled', ended_order = 0, attempts = 0, due_at = $1, next_attempt_at = $1 WHERE id = $2`,
    [dueAt, id],
  );
  return { mayHaveArrived: lead.mayHaveArrived, cancellations };
}

async function resolve(run: Run, id: string, wasDelivered: boolean): Promise<void> {
  const [lead] = await run<LeadToResolve>(
    `SELECT state, ${isUndecided} AS "isUndecided" FROM lead WHERE id = $1 FOR UPDATE`,
    [id],
  );
  checkUndecided(id, lead);
  if (wasDelivered) {
    await run(
      `UPDATE lead SET state = 'dialled', dialled_at = coalesce(
         (SELECT ended_at FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1), $1)
       WHERE id = $2`,
      [Date.now(), id],
    );
  } else {
    await run(`UPDATE lead SET may_have_arrived = false, ended_order = ${nextEndedOrder} WHERE id = $1`, [
      id,
    ]);
  }
}
