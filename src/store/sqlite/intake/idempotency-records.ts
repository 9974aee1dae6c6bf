import type { DatabaseSync } from 'node:sqlite';
import type { Idempotency } from '../../../leads/idempotency.ts';
import { Query } from '../query.ts';

/** Result of a request with an idempotency key. */
export interface IdempotencyRecord {
  fingerprint: string;
  outcome: string;
  /** The lead that the request created; null: none. */
  leadId: string | null;
  /** When that lead was due (ms since 1970); null: no lead. */
  dueAt: number | null;
  /** The response to several submissions; null: there was one. */
  response: string | null;
}

/** The idempotency records. Both methods run in the caller's transaction. */
export interface IdempotencyRecords {
  find(partnerId: number, key: string): IdempotencyRecord | undefined;
  insert(partnerId: number, idempotency: Idempotency, result: Omit<IdempotencyRecord, 'fingerprint'>): void;
}

/** Prepares access to the idempotency records. */
export function sqliteIdempotencyRecords(database: DatabaseSync): IdempotencyRecords {
  const find = new Query<IdempotencyRecord>(
    database,
    `SELECT fingerprint, outcome, lead_id AS leadId, due_at AS dueAt, response
     FROM idempotency_record WHERE partner_id = ? AND idempotency_key = ?`,
  );
  const insert = new Query(
    database,
    `INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, response, recorded_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    find: (partnerId, key) => find.first(partnerId, key),
    insert(partnerId, { key, fingerprint }, { outcome, leadId, dueAt, response }) {
      insert.run(partnerId, key, fingerprint, outcome, leadId, dueAt, response, Date.now());
    },
  };
}
