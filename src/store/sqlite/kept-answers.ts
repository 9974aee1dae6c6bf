import type { DatabaseSync } from 'node:sqlite';
import type { Idempotency } from '../../leads/idempotency.ts';
import { Query } from './query.ts';

/** What a request came to, as it is kept under its idempotency key. */
export interface KeptAnswer {
  fingerprint: string;
  outcome: string;
  /** The lead that it made, and when its call was due; null for a request that made none. */
  leadId: string | null;
  dueAt: number | null;
}

/** The answers to requests with an idempotency key. Both calls run inside a transaction of their caller. */
export interface KeptAnswers {
  find(partnerId: number, key: string): KeptAnswer | undefined;
  keep(partnerId: number, idempotency: Idempotency, answer: Omit<KeptAnswer, 'fingerprint'>): void;
}

export function sqliteKeptAnswers(database: DatabaseSync): KeptAnswers {
  const find = new Query<KeptAnswer>(
    database,
    `SELECT fingerprint, outcome, lead_id AS leadId, due_at AS dueAt
     FROM kept_answer WHERE partner_id = ? AND idempotency_key = ?`,
  );
  const keep = new Query(
    database,
    `INSERT INTO kept_answer (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, kept_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    find: (partnerId, key) => find.first(partnerId, key),
    keep(partnerId, { key, fingerprint }, { outcome, leadId, dueAt }) {
      keep.run(partnerId, key, fingerprint, outcome, leadId, dueAt, Date.now());
    },
  };
}
