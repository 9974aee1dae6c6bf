/** Columns of a due lead, for a query that joins `dueLeadJoins`. */
export const dueLeadColumns = `
  lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile,
  lead.accepted_at AS "acceptedAt", lead.due_at AS "dueAt", submission.content`;

/** Joins `lead` to the other tables that `dueLeadColumns` reads. */
export const dueLeadJoins = `
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id
  JOIN submission ON submission.id = lead.submission_id`;

/** Response of an attempt whose dispatcher was killed, or whose machine stopped, before it recorded an outcome. */
export const interruptedResponse = 'no response was recorded before the lease ended';

/**
 * When the last attempt with an unknown outcome ended, other than those that were interrupted; null: there was none.
 * Reads the attempts only if there may be one.
 */
export const lastUnknownAt = `CASE WHEN lead.may_have_arrived THEN (
  SELECT max(attempt.ended_at) FROM attempt
  WHERE attempt.lead_id = lead.id AND attempt.outcome = 'unknown' AND attempt.response <> '${interruptedResponse}') END`;
