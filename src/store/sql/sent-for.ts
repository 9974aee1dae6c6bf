import type { SqlDialect } from './statement.ts';

/**
 * Condition: whether a row of `submission` was sent for a person. An index of all submissions by mobile number would
 * slow down every add, so they are found through the person's leads, and those without a lead by mobile number.
 *
 * @param mobile parameter with the person's mobile number
 */
export function sentFor(mobile: string, { inQuery }: SqlDialect): string {
  const leadsOfPerson = `SELECT lead.id FROM lead WHERE lead.mobile = ${mobile}`;
  return `submission.id ${inQuery(`
    SELECT sent.id FROM submission AS sent WHERE sent.lead_id ${inQuery(leadsOfPerson)}
    UNION ALL
    SELECT sent.id FROM submission AS sent WHERE sent.lead_id IS NULL AND sent.mobile = ${mobile}`)}`;
}
