/**
 * Lateral subquery with the lead type of a row (`partner_id`, `type`): no row if the type does not exist or is not
 * granted to the partner.
 */
export function grantedTypeOf(row: string): string {
  return `LATERAL (
      SELECT lead_type.id AS type_id, lead_type.recontact_after
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.name = ${row}.type AND granted_type.partner_id = ${row}.partner_id
      LIMIT 1
    )`;
}
