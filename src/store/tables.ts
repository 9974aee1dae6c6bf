/** A value of a row. Every store returns it in the same form: a boolean is 0 or 1. */
export type TableValue = string | number | null;

/** Values of a row, in the order of the table's columns. */
export type TableRow = readonly TableValue[];

/** How a table's rows about a person are found, and what becomes of them. */
export interface PersonalData {
  /**
   * What `column` contains: the id of a lead or submission, a phone number (E.164), or its keyed digest. `request`: the
   * id of a lead, of the result of a request.
   */
  by: 'lead' | 'submission' | 'mobile' | 'digest' | 'mobile-or-digest' | 'request';
  column: string;
  /** A second column with a phone number. */
  otherColumn?: string;
  /** Column with the time of what a row is about (ms since 1970): an erasure leaves what is later. */
  timeColumn?: string;
  /**
   * What erasing the person does with the rows.
   *
   * - `deleted`: deletes them.
   * - `digested`: replaces the phone number by its keyed digest, because the person's objection must be respected.
   * - `kept`: nothing.
   */
  erased: 'deleted' | 'digested' | 'kept';
  /**
   * What removes old rows. `retention`: `leads prune`, once the retention period of evidence has ended. `kept`:
   * nothing.
   */
  pruned: 'prune' | 'retention' | 'server' | 'kept';
}

/** A table that is copied from one store to another. */
export interface Table {
  name: string;
  /** Its personal data, which export, erasure and pruning cover. */
  personal: PersonalData | 'none';
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
    personal: 'none',
    columns: [
      'id',
      'name',
      'recontact_after',
      'created_at',
      'retired_at',
      'calling_hours',
      'calling_zone',
      'calling_country',
      'holidays',
      'consent_required',
      'withdraws',
      'registries',
      'registry_override',
      'screening',
      'last_result_at',
    ],
    keyLength: 1,
    booleans: ['consent_required', 'withdraws', 'registry_override'],
  },
  { name: 'type_alias', personal: 'none', columns: ['name', 'type_id', 'created_at'], keyLength: 1 },
  {
    name: 'suppression',
    personal: { by: 'mobile-or-digest', column: 'mobile', erased: 'digested', pruned: 'kept' },
    columns: ['mobile', 'type_id', 'source', 'source_id', 'reason', 'objected_at', 'entered_at', 'key_id'],
    keyLength: 4,
  },
  { name: 'registry', personal: 'none', columns: ['name', 'max_age', 'list_id'], keyLength: 1 },
  {
    name: 'registry_list',
    personal: 'none',
    columns: ['id', 'registry', 'dated_at', 'started_at', 'completed_at', 'size'],
    keyLength: 1,
  },
  {
    name: 'registry_entry',
    // The next list of the registry replaces it.
    personal: { by: 'mobile-or-digest', column: 'mobile', erased: 'digested', pruned: 'kept' },
    columns: ['mobile', 'list_id'],
    keyLength: 2,
  },
  {
    name: 'screening',
    personal: { by: 'mobile', column: 'mobile', erased: 'deleted', pruned: 'server' },
    columns: ['mobile', 'service', 'is_listed', 'lists', 'checked_at', 'expires_at'],
    keyLength: 2,
    booleans: ['is_listed'],
  },
  {
    name: 'partner',
    personal: 'none',
    columns: [
      'id',
      'name',
      'created_at',
      'rate_limit',
      'rate_burst',
      'suspended_at',
      'deleted_at',
      'daily_quota',
      'max_priority',
    ],
    keyLength: 1,
  },
  {
    name: 'delivery_pause',
    personal: 'none',
    columns: ['type', 'paused_by', 'reason', 'paused_at', 'retry_at'],
    keyLength: 2,
  },
  { name: 'delivery_gap', personal: 'none', columns: ['type', 'started_at', 'ended_at'], keyLength: 2 },
  { name: 'maintenance_run', personal: 'none', columns: ['name', 'ended_at'], keyLength: 1 },
  { name: 'setting', personal: 'none', columns: ['name', 'value', 'set_at'], keyLength: 1 },
  { name: 'store_key', personal: 'none', columns: ['id', 'first_used_at', 'forgotten_at'], keyLength: 1 },
  { name: 'granted_type', personal: 'none', columns: ['partner_id', 'type_id', 'revoked_at'], keyLength: 2 },
  {
    name: 'api_key',
    personal: 'none',
    columns: [
      'id',
      'partner_id',
      'digest',
      'created_at',
      'revoked_at',
      'expires_at',
      'last_used_at',
      'replaced_by',
      'is_test',
    ],
    keyLength: 1,
    booleans: ['is_test'],
  },
  {
    name: 'lead',
    personal: { by: 'lead', column: 'id', erased: 'deleted', pruned: 'prune' },
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
      'waits_for',
      'expires_at',
      'priority',
    ],
    keyLength: 1,
    booleans: ['may_have_arrived'],
  },
  {
    name: 'withdrawal',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: [
      'lead_id',
      'cause',
      'requested_at',
      'next_attempt_at',
      'claim',
      'attempts',
      'outcome',
      'ended_at',
      'response',
      'repeat_at',
    ],
    keyLength: 1,
  },
  {
    name: 'sent_other_phone',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: ['lead_id', 'mobile'],
    keyLength: 1,
  },
  {
    name: 'submission',
    personal: { by: 'submission', column: 'id', erased: 'deleted', pruned: 'prune' },
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
    personal: { by: 'request', column: 'lead_id', erased: 'deleted', pruned: 'server' },
    columns: [
      'partner_id',
      'idempotency_key',
      'fingerprint',
      'outcome',
      'lead_id',
      'due_at',
      'recorded_at',
      'response',
    ],
    keyLength: 2,
  },
  {
    name: 'rerun',
    personal: { by: 'submission', column: 'submission_id', erased: 'deleted', pruned: 'prune' },
    columns: ['id', 'submission_id', 'rerun_at', 'outcome', 'lead_id'],
    keyLength: 1,
  },
  {
    name: 'attempt',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: ['id', 'lead_id', 'started_at', 'ended_at', 'outcome', 'response', 'basis'],
    keyLength: 1,
  },
  {
    name: 'call_result',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: ['lead_id', 'call_id', 'code', 'result', 'called_at', 'talk_time', 'received_at'],
    keyLength: 2,
  },
  {
    name: 'partner_event',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: [
      'ordinal',
      'id',
      'partner_id',
      'lead_id',
      'type_id',
      'kind',
      'state',
      'result',
      'called_at',
      'occurred_at',
      'sequence',
      'next_attempt_at',
      'claim',
      'attempts',
      'sending_outcome',
    ],
    keyLength: 1,
  },
  {
    name: 'webhook_attempt',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: ['id', 'event_id', 'partner_id', 'lead_id', 'started_at', 'ended_at', 'outcome', 'response'],
    keyLength: 1,
  },
  {
    name: 'partner_webhook',
    personal: 'none',
    columns: [
      'partner_id',
      'url',
      'salt',
      'key_id',
      'previous_salt',
      'previous_key_id',
      'previous_until',
      'set_at',
    ],
    keyLength: 1,
  },
  {
    name: 'event_position',
    personal: 'none',
    columns: ['partner_id', 'last_sequence', 'removed_sequence'],
    keyLength: 1,
  },
  {
    name: 'operator_action',
    personal: { by: 'lead', column: 'lead_id', erased: 'deleted', pruned: 'prune' },
    columns: ['id', 'lead_id', 'action', 'acted_at'],
    keyLength: 1,
  },
  {
    name: 'rejection',
    personal: 'none',
    columns: ['partner_id', 'day', 'operation', 'outcome', 'reason', 'count', 'last_at', 'last_request_id'],
    keyLength: 5,
  },
  { name: 'partner_usage', personal: 'none', columns: ['partner_id', 'day', 'accepted'], keyLength: 2 },
  {
    name: 'erasure',
    personal: { by: 'digest', column: 'digest', erased: 'kept', pruned: 'kept' },
    columns: ['digest', 'erased_at', 'key_id', 'evidence_reason'],
    keyLength: 2,
  },
  {
    name: 'contacted_person',
    personal: {
      by: 'digest',
      column: 'digest',
      timeColumn: 'dialled_at',
      erased: 'deleted',
      pruned: 'prune',
    },
    columns: ['digest', 'type_id', 'dialled_at'],
    keyLength: 2,
  },
  {
    name: 'audit_entry',
    personal: 'none',
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
  {
    name: 'evidence',
    personal: {
      by: 'mobile',
      column: 'mobile',
      otherColumn: 'other_mobile',
      erased: 'kept',
      pruned: 'retention',
    },
    columns: [
      'sequence',
      'kind',
      'source',
      'source_id',
      'mobile',
      'other_mobile',
      'happened_at',
      'recorded_at',
      'content',
      'key_id',
      'digest',
      'mac',
    ],
    keyLength: 1,
  },
  {
    name: 'evidence_pending',
    // A server moves the rows to the table `evidence` within seconds.
    personal: { by: 'mobile', column: 'mobile', erased: 'kept', pruned: 'server' },
    columns: ['id', 'kind', 'mobile', 'happened_at', 'content'],
    keyLength: 1,
  },
  {
    name: 'evidence_chain',
    personal: 'none',
    columns: [
      'id',
      'head_sequence',
      'start_sequence',
      'start_mac',
      'start_key_id',
      'start_seal',
      'submission_settled',
      'submission_seen',
      'attempt_settled',
      'attempt_seen',
      'horizon',
    ],
    keyLength: 1,
  },
];

/** The tables of a store, for copying them to another. */
export interface Tables {
  /** Returns the next rows in the order of the key. @param after undefined: from the start */
  rows(table: Table, after: TableRow | undefined, limit: number): Promise<TableRow[]>;
  /** Returns the last row in the order of the key; undefined: there is none. */
  lastRow(table: Table): Promise<TableRow | undefined>;
  /** Returns the number of rows up to and including a row, or of all rows. */
  countRows(table: Table, upTo?: TableRow): Promise<number>;
  /** Adds rows unchanged, or none of them. Rows that exist already are skipped. */
  addRows(table: Table, rows: readonly TableRow[]): Promise<void>;
}
