import type { PostgresDatabase, Statement } from './database.ts';
import { restoreAgain } from './migrate.ts';

/** Names of the objects that the migrations create, by their kind. A test compares them with a new store. */
const created: Readonly<Record<string, readonly string[]>> = {
  table: [
    'api_key',
    'attempt',
    'audit_entry',
    'call_result',
    'contacted_person',
    'delivery_gap',
    'delivery_pause',
    'erasure',
    'event_position',
    'evidence',
    'evidence_chain',
    'evidence_pending',
    'granted_type',
    'idempotency_record',
    'lead',
    'lead_count',
    'lead_type',
    'maintenance_run',
    'operator_action',
    'partner',
    'partner_event',
    'partner_usage',
    'partner_webhook',
    'readiness',
    'registry',
    'registry_entry',
    'registry_list',
    'rejection',
    'request_share',
    'rerun',
    'schema_migration',
    'screening',
    'sent_other_phone',
    'setting',
    'store_key',
    'submission',
    'suppression',
    'type_alias',
    'webhook_attempt',
    'withdrawal',
  ],
  index: [
    'attempt_by_lead',
    'evidence_by_mobile',
    'evidence_by_other_mobile',
    'evidence_by_source',
    'evidence_of_imports',
    'idempotency_record_by_age',
    'lead_active',
    'lead_due',
    'lead_failed',
    'lead_held',
    'lead_not_permitted',
    'lead_prioritised',
    'lead_to_recheck',
    'lead_waiting',
    'lead_undecided',
    'operator_action_by_lead',
    'partner_event_by_id',
    'partner_event_by_lead',
    'partner_event_by_sequence',
    'partner_event_failed',
    'partner_event_to_send',
    'partner_event_unread',
    'rerun_by_lead',
    'rerun_by_submission',
    'screening_by_expiry',
    'sent_other_phone_by_mobile',
    'submission_by_lead',
    'submission_by_sequence',
    'submission_without_lead',
    'suppression_of_partner',
    'webhook_attempt_by_event',
    'webhook_attempt_by_lead',
    'webhook_attempt_by_partner',
    'withdrawal_failed',
    'withdrawal_open',
    'withdrawal_repeat',
  ],
  constraint: [
    'api_key_digest_key',
    'api_key_partner_id_fkey',
    'api_key_pkey',
    'attempt_outcome_check',
    'attempt_pkey',
    'audit_entry_pkey',
    'call_result_pkey',
    'contacted_person_pkey',
    'contacted_person_type_id_fkey',
    'delivery_gap_pkey',
    'delivery_pause_paused_by_check',
    'delivery_pause_pkey',
    'erasure_pkey',
    'event_position_pkey',
    'evidence_chain_id_check',
    'evidence_chain_pkey',
    'evidence_pending_pkey',
    'evidence_pkey',
    'granted_type_partner_id_fkey',
    'granted_type_pkey',
    'granted_type_type_id_fkey',
    'idempotency_record_key',
    'lead_ended_order_check',
    'lead_priority_check',
    'lead_pkey',
    'lead_state_check',
    'lead_type_name_key',
    'lead_type_pkey',
    'maintenance_run_pkey',
    'operator_action_pkey',
    'partner_event_pkey',
    'partner_event_sending_outcome_check',
    'partner_max_priority_check',
    'partner_name_key',
    'partner_pkey',
    'partner_usage_partner_id_fkey',
    'partner_usage_pkey',
    'partner_webhook_pkey',
    'registry_entry_pkey',
    'registry_list_pkey',
    'registry_pkey',
    'rejection_partner_id_fkey',
    'rejection_pkey',
    'request_share_pkey',
    'rerun_pkey',
    'schema_migration_pkey',
    'screening_pkey',
    'sent_other_phone_pkey',
    'setting_pkey',
    'store_key_pkey',
    'submission_kind_check',
    'submission_pkey',
    'suppression_pkey',
    'suppression_source_check',
    'type_alias_pkey',
    'type_alias_type_id_fkey',
    'webhook_attempt_outcome_check',
    'webhook_attempt_pkey',
    'withdrawal_cause_check',
    'withdrawal_outcome_check',
    'withdrawal_pkey',
  ],
  trigger: [
    'audit_entry_changed',
    'audit_entry_emptied',
    'lead_added',
    'lead_event',
    'lead_moved',
    'lead_removed',
  ],
  function: [
    'count_added_leads',
    'count_moved_leads',
    'count_removed_leads',
    'record_lead_event',
    'refuse_audit_change',
    'refuse_outdated_server',
  ],
};

/**
 * Lists the objects in the schema of the store. An index that is not valid and a trigger that is disabled do not count.
 * The index of a constraint has the name of the constraint.
 */
const existingObjects: Statement = {
  name: 'existing_objects',
  text: `
    WITH store AS (SELECT relnamespace AS id FROM pg_class WHERE oid = to_regclass('schema_migration'))
    SELECT 'table' AS kind, relname AS name FROM pg_class JOIN store ON relnamespace = store.id WHERE relkind = 'r'
    UNION ALL
    SELECT 'index', relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN store ON relnamespace = store.id
    WHERE indisvalid AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT 'constraint', conname FROM pg_constraint JOIN store ON connamespace = store.id
    WHERE contype IN ('c', 'f', 'p', 'u')
    UNION ALL
    SELECT 'trigger', tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN store ON relnamespace = store.id
    WHERE NOT tgisinternal AND tgenabled <> 'D'
    UNION ALL
    SELECT 'function', proname FROM pg_proc JOIN store ON pronamespace = store.id
    ORDER BY 1, 2`,
};

/** Maximum number of missing objects in a message. */
const maxListed = 3;

/** Returns what the migrations create and the database does not have, such as `index lead_active`. */
export async function missingObjects(database: PostgresDatabase): Promise<string[]> {
  const rows = await database.read<{ kind: string; name: string }>(existingObjects);
  const existing = new Set(rows.map(({ kind, name }) => `${kind} ${name}`));
  return Object.entries(created)
    .flatMap(([kind, names]) => names.map((name) => `${kind} ${name}`))
    .filter((object) => !existing.has(object));
}

/**
 * Checks that a migrated database contains everything that the migrations create. Tables without their indexes and
 * constraints, as an interrupted restore leaves them, would accept people twice, or nobody.
 *
 * @throws if something is missing
 */
export async function checkSchema(database: PostgresDatabase): Promise<void> {
  const missing = await missingObjects(database);
  if (missing.length === 0) return;
  const others = missing.length - maxListed;
  const list = `${missing.slice(0, maxListed).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
  throw new Error(
    `The database is incomplete: ${list} ${missing.length === 1 ? 'is' : 'are'} missing. ${restoreAgain}`,
  );
}
