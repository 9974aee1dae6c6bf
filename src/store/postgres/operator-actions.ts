import type { Submission } from '../../leads/submission.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import type { OperatorActions } from '../operator-actions.ts';
import { type Change, firstRow, run, type SqlDatabase } from '../sql/database.ts';
import { type Decision, operatorActions } from '../sql/operator-actions.ts';
import { statement } from '../sql/statement.ts';
import { failureKind, isUniqueViolation } from './connection/errors.ts';
import { decideSubmissions, sentSubmissionOf } from './intake/decide.ts';
import type { IntakeEvents } from './intake/intake.ts';

/** Carries out operators' actions, and announces the leads that they schedule. */
export function postgresOperatorActions(
  database: SqlDatabase,
  digests: PersonDigests,
  { notifications, withdrawalEvents }: IntakeEvents,
): OperatorActions {
  const actions = operatorActions(database, {
    excludeOthers,
    decide: (submission) => decide(submission, digests.of(submission.mobile)),
    onScheduled: (dueAt) => notifications.announce(dueAt),
    onWithdrawal: () => withdrawalEvents.emit(),
  });
  return {
    ...actions,
    retryLead: (id, options) =>
      actions.retryLead(id, options).catch((error: unknown) => {
        // The person was accepted again meanwhile, and only one lead can be active: the second attempt reports the new
        // lead.
        if (failureKind(error) === 'permanent' && isUniqueViolation(error))
          return actions.retryLead(id, options);
        throw error;
      }),
  };
}

const lockReruns = statement('lock_reruns', 'LOCK TABLE rerun IN EXCLUSIVE MODE');

/**
 * Waits for the cancellations and the steps of pruning in progress, and makes later ones wait: `rerunsInProgress` and
 * `blockReruns` conflict with this lock. A cancellation could otherwise be decided before the lead of a re-run is
 * visible, and stored after the re-run has looked for cancellations; and a step of pruning could remove the submission
 * of a dismissed lead that is retried meanwhile.
 */
function* excludeOthers(): Change<void> {
  yield* run(lockReruns);
}

const lockWriters = statement('lock_writers', 'LOCK TABLE rerun, submission IN EXCLUSIVE MODE');

/**
 * Waits for every change of submissions in progress, and makes later ones wait, for the few milliseconds of an erasure:
 * a lead or submission that it does not see would otherwise refer to one that it erases.
 */
export function* excludeWriters(): Change<void> {
  yield* run(lockWriters);
}

const decideOne = statement<Decision>(
  'decide',
  `${decideSubmissions}
   SELECT outcome, lead_id AS "leadId", due_at AS "dueAt" FROM decided WHERE outcome IS NOT NULL`,
);

/** Decides on a submission. Runs the statement again while the outcome is null (see `decideSubmissions`). */
function* decide(submission: Submission, digests: readonly string[]): Change<Decision> {
  const sent = JSON.stringify([sentSubmissionOf(submission, () => digests)]);
  for (;;) {
    const decision = yield* firstRow(decideOne, sent);
    if (decision !== undefined) return decision;
  }
}
