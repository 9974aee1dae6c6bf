/** How stored cancellations are found, as SQL that both stores understand. */

/** Reads rows of `submission`, all of them cancellations. */
export const cancellationsOf = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.outcome, submission.lead_id AS "leadId", submission.content
  FROM submission JOIN partner ON partner.id = submission.partner_id
  WHERE submission.kind = 'cancel'`;

/**
 * Reads the cancellations that stand against a submission, the oldest first. An index by number and kind would cost
 * every add, so they are found through the person's leads, and those that met no lead by number.
 *
 * @param mark of a parameter: `?` or `$`. 1 is the number, 2 the type as sent, 3 the partner's id, 4 the submission's place
 */
export function relatedCancellations(mark: '?' | '$'): string {
  return `
    SELECT submission.id, partner.name AS partner, submission.type, submission.received_at AS "receivedAt",
      submission.outcome, submission.lead_id AS "leadId",
      submission.sequence > ${mark}4 AS "isLater", submission.partner_id = ${mark}3 AS "isOwn"
    FROM submission JOIN partner ON partner.id = submission.partner_id
    WHERE submission.kind = 'cancel' AND submission.type = ${mark}2 AND ${sentFor(`${mark}1`)}
    ORDER BY submission.sequence`;
}

/** Whether a row of `submission` is about a person. @param mobile SQL for the person's number */
export function sentFor(mobile: string): string {
  return `submission.id IN (
    SELECT met.id FROM submission AS met WHERE met.lead_id IN (SELECT lead.id FROM lead WHERE lead.mobile = ${mobile})
    UNION ALL
    SELECT met.id FROM submission AS met WHERE met.lead_id IS NULL AND met.mobile = ${mobile})`;
}
