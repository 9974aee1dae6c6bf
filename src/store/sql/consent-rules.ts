import type { ConsentRule, ConsentRules } from '../consent-rules.ts';
import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';
import { acceptsLeads } from './type-name.ts';

/** Reads the rules about consent in a database. */
export function consentRules(database: SqlDatabase): ConsentRules {
  return { consentRules: () => database.read(selectRules) };
}

const selectRules = statement<ConsentRule>(
  'consent_rules',
  `SELECT granted_type.partner_id AS "partnerId", named.name AS type
   FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
   JOIN (SELECT id, name FROM lead_type UNION ALL SELECT type_id, name FROM type_alias) AS named
     ON named.id = lead_type.id
   WHERE lead_type.consent_required AND ${acceptsLeads}`,
);
