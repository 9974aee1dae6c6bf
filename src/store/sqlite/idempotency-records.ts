import type { DatabaseSync } from 'node:sqlite';
import type { Idempotency } from '../../leads/idempotency.ts';
import { Query } from './query.ts';

/** What a request came to, as it is kept under its idempotency key. */
export interface IdempotencyRecord {
  fingerprint: string;
  outcome: string;
  /** The lead that it made, and when its call was due; null for a request that made none. */
  leadId: string | null;
  dueAt: number | null;
}

/** The answers to requests with an idempotency key. Both calls run inside a transaction of their caller. */
export interface IdempotencyRecords {
  find(partnerId: number, key: string): IdempotencyRecord | undefined;
  keep(partnerId: number, idempotency: Idempotency, response: Omit<IdempotencyRecord, 'fingerprint'>): void;
}

export function sqliteIdempotencyRecords(database: DatabaseSync): IdempotencyRecords {
  const find = new Query<IdempotencyRecord>(
    database,
    `SELECT fingerprint, outcome, lead_id AS leadId, due_at AS dueAt
     FROM idempotency_record WHERE partner_id = ? AND idempotency_key = ?`,
  );
  const keep = new Query(
    database,
    `INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, recorded_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    find: (partnerId, key) => find.first(partnerId, key),
    keep(partnerId, { key, fingerprint }, { outcome, leadId, dueAt }) {
      keep.run(partnerId, key, fingerprint, outcome, leadId, dueAt, Date.now());
    },
  };
}
