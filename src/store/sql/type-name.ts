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

/**
 * Query: all names under which requests for a type may have been sent, or the name itself if there is no such type.
 *
 * @param name parameter with one of the type's names
 */
export function namesOfType(name: string): string {
  return `
  SELECT CAST(${name} AS text)
  UNION SELECT lead_type.name FROM lead_type WHERE lead_type.id = ${typeIdOf(name)}
  UNION SELECT type_alias.name FROM type_alias WHERE type_alias.type_id = ${typeIdOf(name)}`;
}

/** Condition on a granted type joined with its lead type: whether the partner can add leads. */
export const acceptsLeads = 'lead_type.retired_at IS NULL AND granted_type.revoked_at IS NULL';
