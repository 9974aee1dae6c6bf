/** Columns of a due lead, for a query that joins `dueLeadJoins`. */
export const dueLeadColumns = `
  lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile,
  lead.accepted_at AS "acceptedAt", lead.due_at AS "dueAt", lead.expires_at AS "expiresAt", lead.priority,
  submission.content`;

/**
 * Expression: when a postponed lead can be claimed next. A lead that expires before is claimed then, so that it ends in
 * time.
 *
 * @param time expression
 */
export function unlessExpired(time: string): string {
  return `CASE WHEN lead.expires_at < ${time} THEN lead.expires_at ELSE ${time} END`;
}

/** Joins `lead` to the other tables that `dueLeadColumns` reads. */
export const dueLeadJoins = `
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id
  JOIN submission ON submission.id = lead.submission_id`;

/**
 * Earliest time at which the attempt of a claimed lead may have started: the time of the claim, or the end of its lease
 * if the claim was made by a version that did not record the time.
 */
export const claimedSince = 'coalesce(lead.claimed_at, lead.next_attempt_at)';

/**
 * Response of an attempt whose dispatcher was killed, or whose machine stopped, before it recorded an outcome.
 * `lastUnknownAt` recognises stored attempts by this text, so it must not change.
 */
export const interruptedResponse = 'no response was recorded before the lease ended';

/**
 * When the last attempt with an unknown outcome ended, other than those that were interrupted; null: there was none.
 *
 * @param mayHaveArrived condition: whether there may be one. Otherwise, no attempts are read.
 */
export function lastUnknownAt(mayHaveArrived: string): string {
  return `CASE WHEN ${mayHaveArrived} THEN (
    SELECT max(attempt.ended_at) FROM attempt
    WHERE attempt.lead_id = lead.id AND attempt.outcome = 'unknown'
      AND attempt.response <> '${interruptedResponse}') END`;
}
