import type { RerunRecord, SubmissionRecord } from '../records.ts';
import type { SqlDatabase } from './database.ts';
import { claimedSince } from './due-lead.ts';
import { isUndecided, ofLatestResult } from './lead-state.ts';
import { statement } from './statement.ts';

/**
 * The beginning of a query whose rows are a `LeadRecord`. Its boolean columns are `isUndecided` and `mayHaveArrived`.
 */
export const selectLeads = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile, lead.state,
    lead.accepted_at AS "acceptedAt", lead.due_at AS "dueAt", lead.expires_at AS "expiresAt", lead.priority,
    CASE WHEN lead.state = 'scheduled' AND lead.claim IS NULL THEN lead.next_attempt_at END AS "nextAttemptAt",
    CASE WHEN lead.state = 'scheduled' AND lead.claim IS NULL THEN lead.waits_for END AS "waitsFor",
    lead.dialled_at AS "dialledAt", lead.cancelled_at AS "cancelledAt", lead.attempts,
    CASE WHEN lead.claim IS NOT NULL THEN ${claimedSince} END AS "inFlightSince",
    CASE WHEN lead.claim IS NOT NULL THEN lead.next_attempt_at END AS "leaseEndsAt",
    (SELECT response FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1) AS "lastResponse",
    ${ofLatestResult('result')} AS result, ${ofLatestResult('called_at')} AS "resultAt",
    ${isUndecided} AS "isUndecided", lead.may_have_arrived AS "mayHaveArrived", lead.submission_id AS "submissionId"
  FROM lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id`;

/** A submission without its re-runs. */
export type SubmissionRow = Omit<SubmissionRecord, 'reruns'>;

/** The beginning of a query whose rows are a `SubmissionRow` or a `CancellationRecord`. */
export const selectSubmissions = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.key_id AS "keyId", submission.outcome,
    submission.lead_id AS "leadId", submission.content
  FROM submission
  JOIN partner ON partner.id = submission.partner_id`;

const rerunsOf = statement<RerunRecord & { submissionId: string }>(
  'reruns',
  ({ inList }) => `
    SELECT submission_id AS "submissionId", rerun_at AS "rerunAt", outcome, lead_id AS "leadId"
    FROM rerun WHERE submission_id ${inList('$1')} ORDER BY id`,
);

/** Reads the re-runs of submissions. */
export async function withReruns(
  database: SqlDatabase,
  submissions: readonly SubmissionRow[],
): Promise<SubmissionRecord[]> {
  const ids = submissions.map(({ id }) => id);
  const reruns = Map.groupBy(await database.read(rerunsOf, ids), ({ submissionId }) => submissionId);
  return submissions.map((submission) => ({
    ...submission,
    reruns: (reruns.get(submission.id) ?? []).map(({ submissionId: _, ...rerun }) => rerun),
  }));
}
