import { inPages } from '../../pages.ts';
import type { Erasure } from '../../people.ts';
import { type Change, run, type SqlDatabase } from '../database.ts';
import { statement } from '../statement.ts';

const insertErasure = statement(
  'insert_erasure',
  `INSERT INTO erasure (digest, erased_at, key_id, evidence_reason) VALUES ($1, $2, $3, $4)
   ON CONFLICT (digest, erased_at) DO NOTHING`,
);

const deleteContact = statement(
  'delete_contact',
  'DELETE FROM contacted_person WHERE digest = $1 AND dialled_at <= $2',
);

/** Records erasures (see `People.recordErasures`). */
export function* recordErasures(recorded: readonly Erasure[]): Change<void> {
  for (const { digest, erasedAt, keyId, evidenceReason } of recorded) {
    yield* run(insertErasure, digest, erasedAt, keyId, evidenceReason);
    // A restored store may contain nothing else of the person, so that nobody is found to erase.
    yield* run(deleteContact, digest, erasedAt);
  }
}

/** Finds the erasures of a person (see `People.erasuresOf`). */
export const erasuresOf = statement<Erasure>(
  'erasures_of',
  ({ inList }) => `
    SELECT digest, erased_at AS "erasedAt", key_id AS "keyId", evidence_reason AS "evidenceReason" FROM erasure
    WHERE digest ${inList('$1')} ORDER BY erased_at, digest`,
);

const erasurePage = statement<Erasure>(
  'erasures',
  `SELECT digest, erased_at AS "erasedAt", key_id AS "keyId", evidence_reason AS "evidenceReason" FROM erasure
   WHERE (digest, erased_at) > ($1, $2) ORDER BY digest, erased_at LIMIT $3`,
);

/** Lists the erasures, in the order of their digests. */
export function erasures(database: SqlDatabase): AsyncGenerator<Erasure> {
  return inPages<Erasure>(Number.MAX_SAFE_INTEGER, (last, size) =>
    database.read(erasurePage, last?.digest ?? '', last?.erasedAt ?? 0, size),
  );
}
