import type { PersonDigests } from '../keys/person-digests.ts';
import type { PersonKey } from '../people.ts';
import type { Suppression } from '../suppressions.ts';
import { type Change, firstRow, run } from './database.ts';
import { digestsInStore, isDigest } from './person-digests.ts';
import { statement } from './statement.ts';

/** Without the reason, in which a person may be named. */
const insertDigested = statement(
  'insert_digested_suppressions',
  `INSERT INTO suppression (mobile, type_id, source, source_id, reason, objected_at, entered_at, key_id)
   SELECT $2, type_id, source, source_id, NULL, objected_at, entered_at, key_id
   FROM suppression AS entry WHERE mobile = $1 AND entered_at <= $3
   ON CONFLICT (mobile, type_id, source, source_id) DO NOTHING`,
);

const deleteNumber = statement(
  'delete_digested_suppressions',
  'DELETE FROM suppression WHERE mobile = $1 AND entered_at <= $2',
);

/** The lists of registries, also those that are being imported or removed. */
const insertDigestedListings = statement(
  'insert_digested_listings',
  `INSERT INTO registry_entry (mobile, list_id)
   SELECT $2, list_id FROM registry_entry AS entry WHERE mobile = $1
   ON CONFLICT (mobile, list_id) DO NOTHING`,
);

const deleteListings = statement('delete_digested_listings', 'DELETE FROM registry_entry WHERE mobile = $1');

/**
 * Replaces the number of an erased person by its digest in the entries of the do-not-call list that were entered before
 * the erasure, and in the lists of registries.
 */
export function* digestEntriesOf({ mobile, receivedUntil }: PersonKey, digest: string): Change<void> {
  const until = receivedUntil ?? Number.MAX_SAFE_INTEGER;
  yield* run(insertDigested, mobile, digest, until);
  yield* run(deleteNumber, mobile, until);
  yield* run(insertDigestedListings, mobile, digest);
  yield* run(deleteListings, mobile);
}

const digestedEntries = statement<{ digest: string; typeId: number; source: string; sourceId: string }>(
  'digested_suppressions',
  ({ inList }) => `
    SELECT mobile AS digest, type_id AS "typeId", source, source_id AS "sourceId" FROM suppression
    WHERE mobile ${inList('$1')} AND ${isDigest}`,
);

/** Leaves out the entries that the list contains with the digest of their number. */
export function* withoutDigested<Entry extends Suppression & { typeId: number }>(
  entries: readonly Entry[],
  digests: PersonDigests,
): Change<readonly Entry[]> {
  if ((yield* firstRow(digestsInStore))?.exist !== true) return entries;
  const ofEntries = entries.map((entry) => ({ entry, digests: digests.of(entry.mobile) }));
  const found = yield* run(
    digestedEntries,
    ofEntries.flatMap((each) => each.digests),
  );
  const existing = new Set(
    found.map(({ digest, typeId, source, sourceId }) => JSON.stringify([digest, typeId, source, sourceId])),
  );
  return ofEntries
    .filter(
      ({ entry: { typeId, source, sourceId }, digests: each }) =>
        !each.some((digest) => existing.has(JSON.stringify([digest, typeId, source, sourceId]))),
    )
    .map(({ entry }) => entry);
}
