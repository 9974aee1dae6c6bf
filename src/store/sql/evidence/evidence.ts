import type { Evidence, EvidenceEntry } from '../../evidence/evidence.ts';
import type { SqlDatabase } from '../database.ts';
import { statement } from '../statement.ts';
import { appendEvidence, readChain } from './chain.ts';
import { countExpired, removeEvidenceOf, removeExpired } from './removal.ts';

const columns = `
  sequence, kind, source, source_id AS "sourceId", mobile, other_mobile AS "otherMobile", happened_at AS "happenedAt",
  recorded_at AS "recordedAt", content, key_id AS "keyId", digest, mac`;

const selectEntries = statement<EvidenceEntry>(
  'evidence_entries',
  `SELECT ${columns} FROM evidence WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
);

const selectOfPerson = statement<EvidenceEntry>(
  'evidence_of',
  `SELECT ${columns} FROM evidence WHERE mobile = $1 OR other_mobile = $1 ORDER BY sequence`,
);

/** The condition is that of the index `evidence_of_imports`. */
const selectImports = statement<EvidenceEntry>(
  'evidence_of_imports',
  `SELECT ${columns} FROM evidence WHERE kind = 'import' ORDER BY sequence`,
);

/** Keeps evidence in a database. */
export function evidence(database: SqlDatabase): Evidence {
  return {
    appendEvidence: (terms) => appendEvidence(database, terms),
    evidenceEntries: (after, limit) => database.read(selectEntries, after, limit),
    evidenceOf: (mobile) => database.read(selectOfPerson, mobile),
    evidenceOfImports: () => database.read(selectImports),
    evidenceChain: () => readChain(database),
    countExpiredEvidence: async (before) => (await database.read(countExpired, before))[0]?.count ?? 0,
    removeExpiredEvidence: (before, after, key) => database.change(() => removeExpired(before, after, key)),
    removeEvidenceOf: (mobile, reason, key) => database.change(() => removeEvidenceOf(mobile, reason, key)),
  };
}
