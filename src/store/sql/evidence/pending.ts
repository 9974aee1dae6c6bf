import { newIdentifier } from '../../../leads/identifier.ts';
import type { EvidenceKind, NewEvidence } from '../../evidence/evidence.ts';
import { type Change, run } from '../database.ts';
import { statement } from '../statement.ts';

const insertPending = statement(
  'insert_pending_evidence',
  'INSERT INTO evidence_pending (id, kind, mobile, happened_at, content) VALUES ($1, $2, $3, $4, $5)',
);

/**
 * Records evidence in the transaction of what it documents. It is added to the chain within seconds. Requests and
 * deliveries need no call: the chain is built from their own rows.
 */
export function* recordEvidence({ kind, mobile, happenedAt, content }: NewEvidence): Change<void> {
  yield* run(insertPending, newIdentifier(), kind, mobile, happenedAt, JSON.stringify(content));
}

/** A row of `evidence_pending`. */
export interface PendingEvidence {
  id: string;
  kind: EvidenceKind;
  mobile: string | null;
  happenedAt: number;
  content: string;
}

/** The oldest pending evidence. */
export const selectPending = statement<PendingEvidence>(
  'pending_evidence',
  `SELECT id, kind, mobile, happened_at AS "happenedAt", content FROM evidence_pending ORDER BY id LIMIT $1`,
);

/** Deletes pending evidence that is in the chain. */
export const deletePending = statement(
  'delete_pending_evidence',
  ({ inList }) => `DELETE FROM evidence_pending WHERE id ${inList('$1')}`,
);
