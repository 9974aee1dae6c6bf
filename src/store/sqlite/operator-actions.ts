import type { DatabaseSync } from 'node:sqlite';
import type { LeadState } from '../../leads/lead.ts';
import type { Submission } from '../../leads/submission.ts';
import { relatedCancellations } from '../cancellation-queries.ts';
import { checkNotCancelled } from '../cancelled-later.ts';
import { isUndecided, latestFirst, nextEndedOrder } from '../lead-order.ts';
import type { OperatorActions, RelatedCancellation } from '../store.ts';
import { checkRetry, checkUndecided, userErrors } from '../user-errors.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import type { Take } from './intake.ts';
import { Query } from './query.ts';

/** A submission with its place among everything that partners sent. */
type StoredSubmission = Submission & { sequence: number };

export function sqliteOperatorActions(
  database: DatabaseSync,
  queue: CommitQueue,
  take: Take,
): OperatorActions {
  const submission = new Query<StoredSubmission>(
    database,
    `SELECT id, partner_id AS partnerId, received_at AS receivedAt, type, mobile, delays, content, sequence
     FROM submission WHERE id = ? AND kind = 'add'`,
  );
  const insertRerun = new Query(
    database,
    'INSERT INTO rerun (submission_id, rerun_at, outcome, lead_id) VALUES (?, ?, ?, ?)',
  );
  const cancellationsAgainst = relatedTo(database);
  const retry = retrying(database);
  const resolve = resolving(database);

  return {
    rerun(id, isForced = false) {
      return queue.write(() => {
        const saved = submission.first(id);
        if (saved === undefined) throw userErrors.noSubmission(id);
        const cancellations = cancellationsAgainst(saved);
        if (!isForced) checkNotCancelled(`submission ${id}`, cancellations);
        const { outcome, leadId } = take(saved);
        const rerunAt = Date.now();
        insertRerun.run(id, rerunAt, outcome, leadId);
        return { rerunAt, outcome, leadId, cancellations };
      });
    },

    retry(id, isForced = false) {
      return queue.write(() => {
        const { submissionId, mayHaveArrived, schedule } = retry(id);
        const sent = submission.first(submissionId);
        const cancellations = sent === undefined ? [] : cancellationsAgainst(sent);
        if (!isForced) checkNotCancelled(`lead ${id}`, cancellations);
        schedule();
        return { mayHaveArrived, cancellations };
      });
    },

    resolve(id, wasDelivered) {
      return queue.write(() => resolve(id, wasDelivered));
    },
  };
}

function relatedTo(database: DatabaseSync): (submission: StoredSubmission) => RelatedCancellation[] {
  const related = new Query<
    Omit<RelatedCancellation, 'isLater' | 'isOwn'> & { isLater: number; isOwn: number }
  >(database, relatedCancellations('?'));
  return ({ mobile, type, partnerId, sequence }) =>
    related
      .all(mobile, type, partnerId, sequence)
      .map((row) => ({ ...row, isLater: row.isLater === 1, isOwn: row.isOwn === 1 }));
}

/** Finds a lead that can be retried, and schedules it if the caller says so. */
function retrying(database: DatabaseSync) {
  const leadToRetry = new Query<{
    state: LeadState;
    mayHaveArrived: number;
    submissionId: string;
    lastId: string;
  }>(
    database,
    `SELECT state, may_have_arrived AS mayHaveArrived, submission_id AS submissionId,
       (SELECT lead.id FROM lead WHERE lead.mobile = retried.mobile AND lead.type_id = retried.type_id
        ORDER BY ${latestFirst} LIMIT 1) AS lastId
     FROM lead AS retried WHERE retried.id = ?`,
  );
  const schedule = new Query(
    database,
    `UPDATE lead SET state = 'scheduled', ended_order = 0, attempts = 0, due_at = ?1, next_attempt_at = ?1
     WHERE id = ?2`,
  );
  return (id: string) => {
    const lead = leadToRetry.first(id);
    if (lead === undefined) throw userErrors.noLead(id);
    const { state, mayHaveArrived, submissionId, lastId } = lead;
    checkRetry(id, state, lastId);
    return {
      submissionId,
      mayHaveArrived: mayHaveArrived === 1,
      schedule: () => schedule.run(Date.now(), id),
    };
  };
}

function resolving(database: DatabaseSync): (id: string, wasDelivered: boolean) => void {
  const leadToResolve = new Query<{ state: LeadState; isUndecided: number }>(
    database,
    `SELECT state, ${isUndecided} AS isUndecided FROM lead WHERE id = ?`,
  );
  const markDelivered = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = coalesce(
       (SELECT ended_at FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1), ?1)
     WHERE id = ?2`,
  );
  const markNotDelivered = new Query(
    database,
    `UPDATE lead SET may_have_arrived = 0, ended_order = ${nextEndedOrder} WHERE id = ?`,
  );
  return (id, wasDelivered) => {
    const lead = leadToResolve.first(id);
    checkUndecided(id, lead && { state: lead.state, isUndecided: lead.isUndecided === 1 });
    if (wasDelivered) markDelivered.run(Date.now(), id);
    else markNotDelivered.run(id);
  };
}
