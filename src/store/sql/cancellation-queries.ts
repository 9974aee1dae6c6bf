import type { SqlDialect } from './statement.ts';

/** Reads rows of `submission`, all of them cancellations. */
export const selectCancellations = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.outcome, submission.lead_id AS "leadId", submission.content
  FROM submission JOIN partner ON partner.id = submission.partner_id
  WHERE submission.kind = 'cancel'`;

/**
 * Reads the cancellations of a submission's person and type, the oldest first. Parameters: `$1` the number, `$2` the type as
 * sent, `$3` the partner's id, `$4` the submission's sequence.
 */
export function relatedCancellations(dialect: SqlDialect): string {
  return `
    SELECT submission.id, partner.name AS partner, submission.type, submission.received_at AS "receivedAt",
      submission.outcome, submission.lead_id AS "leadId",
      submission.sequence > $4 AS "isLater", submission.partner_id = $3 AS "isOwn"
    FROM submission JOIN partner ON partner.id = submission.partner_id
    WHERE submission.kind = 'cancel' AND submission.type = $2 AND ${sentFor('$1', dialect)}
    ORDER BY submission.sequence`;
}

/**
 * Condition: whether a row of `submission` was sent for a person. An index of all submissions by number would slow down every
 * add, so they are found through the person's leads, and those without a lead by number.
 *
 * @param mobile parameter with the person's number
 */
export function sentFor(mobile: string, { inQuery }: SqlDialect): string {
  const leadsOfPerson = `SELECT lead.id FROM lead WHERE lead.mobile = ${mobile}`;
  return `submission.id ${inQuery(`
    SELECT met.id FROM submission AS met WHERE met.lead_id ${inQuery(leadsOfPerson)}
    UNION ALL
    SELECT met.id FROM submission AS met WHERE met.lead_id IS NULL AND met.mobile = ${mobile}`)}`;
}
