/** How stored cancellations are found, as SQL that both stores understand. */

/** Reads rows of `submission`, all of them cancellations. */
export const cancellationsOf = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.outcome, submission.lead_id AS "leadId", submission.content
  FROM submission JOIN partner ON partner.id = submission.partner_id
  WHERE submission.kind = 'cancel'`;

/**
 * Reads the cancellations of a submission's person and type, the oldest first. An index by number and kind would slow down
 * every add, so they are found as by `sentFor`. Parameters: `$1` the number, `$2` the type as sent, `$3` the partner's id,
 * `$4` the submission's sequence.
 */
export const relatedCancellations = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.received_at AS "receivedAt",
    submission.outcome, submission.lead_id AS "leadId",
    submission.sequence > $4 AS "isLater", submission.partner_id = $3 AS "isOwn"
  FROM submission JOIN partner ON partner.id = submission.partner_id
  WHERE submission.kind = 'cancel' AND submission.type = $2 AND ${sentFor('$1')}
  ORDER BY submission.sequence`;

/**
 * Condition: whether a row of `submission` was sent for a person. It is found through the person's leads, or by number if
 * it met no lead.
 *
 * @param mobile SQL for the person's number
 */
export function sentFor(mobile: string): string {
  return `submission.id IN (
    SELECT met.id FROM submission AS met WHERE met.lead_id IN (SELECT lead.id FROM lead WHERE lead.mobile = ${mobile})
    UNION ALL
    SELECT met.id FROM submission AS met WHERE met.lead_id IS NULL AND met.mobile = ${mobile})`;
}
