/** A value of a row. Every store returns it in the same form: a boolean is 0 or 1. */
export type TableValue = string | number | null;

/** Values of a row, in the order of the table's columns. */
export type TableRow = readonly TableValue[];

/** A table that is copied from one store to another. */
export interface Table {
  name: string;
  columns: readonly string[];
  /** Number of leading columns that identify a row: its key. Rows are copied in the order of the key. */
  keyLength: number;
  /** Columns that hold a boolean. */
  booleans?: readonly string[];
}

/** All tables that are copied, each after those that it refers to. */
export const tablesToCopy: readonly Table[] = [
  {
    name: 'lead_type',
    columns: ['id', 'name', 'recontact_after', 'created_at', 'retired_at', 'consent_required'],
    keyLength: 1,
    booleans: ['consent_required'],
  },
  { name: 'type_alias', columns: ['name', 'type_id', 'created_at'], keyLength: 1 },
  {
    name: 'suppression',
    columns: ['mobile', 'type_id', 'source', 'source_id', 'reason', 'objected_at', 'entered_at'],
    keyLength: 4,
  },
  {
    name: 'partner',
    columns: ['id', 'name', 'created_at', 'rate_limit', 'rate_burst', 'suspended_at', 'deleted_at'],
    keyLength: 1,
  },
  { name: 'delivery_pause', columns: ['type', 'paused_by', 'reason', 'paused_at', 'retry_at'], keyLength: 2 },
  { name: 'maintenance_run', columns: ['name', 'ended_at'], keyLength: 1 },
  { name: 'setting', columns: ['name', 'value', 'set_at'], keyLength: 1 },
  { name: 'store_key', columns: ['id', 'first_used_at'], keyLength: 1 },
  { name: 'granted_type', columns: ['partner_id', 'type_id', 'revoked_at'], keyLength: 2 },
  {
    name: 'api_key',
    columns: [
      'id',
      'partner_id',
      'digest',
      'created_at',
      'revoked_at',
      'expires_at',
      'last_used_at',
      'replaced_by',
    ],
    keyLength: 1,
  },
  {
    name: 'lead',
    columns: [
      'id',
      'type_id',
      'mobile',
      'partner_id',
      'submission_id',
      'state',
      'ended_order',
      'accepted_at',
      'due_at',
      'next_attempt_at',
      'claim',
      'attempts',
      'may_have_arrived',
      'dialled_at',
      'cancelled_at',
      'trace',
      'claimed_at',
    ],
    keyLength: 1,
    booleans: ['may_have_arrived'],
  },
  {
    name: 'submission',
    columns: [
      'id',
      'sequence',
      'kind',
      'partner_id',
      'received_at',
      'type',
      'mobile',
      'delays',
      'content',
      'outcome',
      'lead_id',
      'key_id',
    ],
    keyLength: 1,
  },
  {
    name: 'idempotency_record',
    columns: ['partner_id', 'idempotency_key', 'fingerprint', 'outcome', 'lead_id', 'due_at', 'recorded_at'],
    keyLength: 2,
  },
  { name: 'rerun', columns: ['id', 'submission_id', 'rerun_at', 'outcome', 'lead_id'], keyLength: 1 },
  {
    name: 'attempt',
    columns: ['id', 'lead_id', 'started_at', 'ended_at', 'outcome', 'response'],
    keyLength: 1,
  },
  { name: 'operator_action', columns: ['id', 'lead_id', 'action', 'acted_at'], keyLength: 1 },
  {
    name: 'rejection',
    columns: ['partner_id', 'day', 'operation', 'outcome', 'reason', 'count', 'last_at', 'last_request_id'],
    keyLength: 5,
  },
  {
    name: 'audit_entry',
    columns: [
      'id',
      'acted_at',
      'operator',
      'host',
      'command',
      'subject_kind',
      'subject_id',
      'value_before',
      'value_after',
    ],
    keyLength: 1,
  },
];
