/**
 * Expression: the id of the lead type with a name or a former name; null: there is none. No name belongs to two types,
 * so the former names are searched only for a name that no type has.
 *
 * @param name parameter or column
 */
export function typeIdOf(name: string): string {
  return `coalesce(
    (SELECT named.id FROM lead_type AS named WHERE named.name = ${name}),
    (SELECT type_alias.type_id FROM type_alias WHERE type_alias.name = ${name}))`;
}

/** Condition on a granted type joined with its lead type: whether the partner can add leads. */
export const acceptsLeads = 'lead_type.retired_at IS NULL AND granted_type.revoked_at IS NULL';
