import { isNamedIn } from '../../sql/required-registries.ts';

/** Expression: a time as evidence has it. @param column milliseconds since 1970 */
function time(column: string): string {
  return `to_char(to_timestamp(${column} / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
}

/**
 * CTE that records in the evidence which entries refused the submissions in `matched`. An accepted lead would have the
 * id of the entry, so it is unique even if a submission is decided on again.
 */
export const recordRefusals = `refused AS (
    INSERT INTO evidence_pending (id, kind, mobile, happened_at, content)
    SELECT new_lead_id, 'screening', mobile, accepted_at, json_build_object(
      'submission_id', id,
      'type', type,
      'do_not_call', (
        SELECT coalesce(json_agg(json_build_object(
          'channel', source, 'entered_by', nullif(source_id, ''),
          'lead_type', coalesce((SELECT name FROM lead_type WHERE lead_type.id = suppression.type_id), 'all'),
          'objected_at', ${time('objected_at')}, 'entered_at', ${time('entered_at')})), '[]')
        FROM suppression
        WHERE suppression.mobile = ANY (array_append(matched.digests, matched.mobile))
          AND suppression.type_id IN (0, matched.type_id)),
      'lists', (
        SELECT coalesce(json_object_agg(registry.name,
          to_char(to_timestamp(dated_at / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')), '{}')
        FROM registry_entry JOIN registry ON registry.list_id = registry_entry.list_id
        JOIN registry_list ON registry_list.id = registry.list_id
        WHERE NOT (matched.registry_override AND matched.has_consent)
          AND registry_entry.mobile = ANY (array_append(matched.digests, matched.mobile))
          AND ${isNamedIn('matched.registries')}),
      'result', 'refused')::text
    FROM matched WHERE type_id IS NOT NULL AND is_suppressed AND NOT lacks_digests
  )`;
