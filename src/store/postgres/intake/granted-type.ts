import { acceptsLeads, typeIdOf } from '../../sql/type-name.ts';

/**
 * Lateral subquery with the lead type of a row (`partner_id`, `type`), by its name or a former one: no row if the type
 * does not exist, or was never granted to the partner. `accepts_leads` is false if the grant is revoked or the type is
 * retired: leads can then still be cancelled and looked up.
 */
export function grantedTypeOf(row: string): string {
  return `LATERAL (
      SELECT lead_type.id AS type_id, lead_type.recontact_after, lead_type.withdraws,
        lead_type.registries, lead_type.registry_override, ${acceptsLeads} AS accepts_leads
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.id = ${typeIdOf(`${row}.type`)} AND granted_type.partner_id = ${row}.partner_id
      LIMIT 1
    )`;
}
