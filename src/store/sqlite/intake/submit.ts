import type { DatabaseSync } from 'node:sqlite';
import { type BulkResult, bulkOutcome, type Intake, replayOf, type SubmissionResult } from '../../intake.ts';
import type { Decision } from '../../sql/operator-actions.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import type { Decide } from './decide.ts';
import type { IdempotencyRecord, IdempotencyRecords } from './idempotency-records.ts';

/** A submission changes no list, key or lead type. */
const keepsCaches = true;

/** Prepares `Intake.submit` and `Intake.submitAll`. */
export function sqliteSubmit(
  database: DatabaseSync,
  queue: CommitQueue,
  decide: Decide,
  records: IdempotencyRecords,
): Pick<Intake, 'submit' | 'submitAll'> {
  const save = submissionSaver(database, decide);
  return {
    submit(submission, idempotency) {
      if (idempotency === undefined) return queue.write(() => resultOf(save(submission), false), keepsCaches);
      const { partnerId } = submission;
      return queue.write<SubmissionResult>(() => {
        const record = records.find(partnerId, idempotency.key);
        if (record !== undefined) {
          if (record.fingerprint !== idempotency.fingerprint) return { outcome: 'idempotency-key-reused' };
          return resultOf(decisionIn(record), true);
        }
        const decision = save(submission);
        const { outcome } = decision;
        // A lead that prevented a new one is not part of the response.
        const { leadId, dueAt } = outcome === 'accepted' ? decision : { leadId: null, dueAt: null };
        records.insert(partnerId, idempotency, { outcome, leadId, dueAt, response: null });
        return resultOf(decision, false);
      }, keepsCaches);
    },

    async submitAll(submissions, partnerId, idempotency) {
      if (submissions.length === 0 && idempotency === undefined) return { outcome: 'saved', results: [] };
      return queue.write<BulkResult>(
        () => {
          const record = idempotency && records.find(partnerId, idempotency.key);
          if (record !== undefined) return replayOf(record, idempotency?.fingerprint);
          const results = submissions.map((submission) => resultOf(save(submission), false));
          if (idempotency !== undefined) {
            const response = idempotency.responseTo(results);
            records.insert(partnerId, idempotency, {
              outcome: bulkOutcome,
              leadId: null,
              dueAt: null,
              response,
            });
          }
          return { outcome: 'saved', results };
        },
        keepsCaches,
        submissions.length,
      );
    },
  };
}

/** Returns a function that decides on a submission and saves it. Runs in the caller's transaction. */
function submissionSaver(database: DatabaseSync, decide: Decide): Decide {
  const insertSubmission = new Query(
    database,
    `INSERT INTO submission (id, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );

  return (submission) => {
    const decision = decide(submission);
    const { id, partnerId, keyId, receivedAt, type, mobile, delays, content } = submission;
    const { outcome, leadId } = decision;
    insertSubmission.run(id, partnerId, keyId, receivedAt, type, mobile, delays, content, outcome, leadId);
    return decision;
  };
}

function decisionIn({ outcome, leadId, dueAt }: IdempotencyRecord): Decision {
  // The cast: the same fingerprint means that the record is that of this submission.
  return { outcome, leadId, dueAt } as Decision;
}

function resultOf(decision: Decision, isReplay: boolean): SubmissionResult {
  if (decision.outcome !== 'accepted') return { outcome: decision.outcome, isReplay };
  return { outcome: decision.outcome, leadId: decision.leadId, dueAt: decision.dueAt, isReplay };
}
