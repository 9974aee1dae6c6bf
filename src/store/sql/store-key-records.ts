import type { PersonDigests } from '../keys/person-digests.ts';
import type { StoreKeyRecords, StoreKeyUses } from '../keys/store-key-records.ts';
import { userErrors } from '../user-errors.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { containsDigests, isDigest, isDigestInRegistry } from './person-digests.ts';
import { statement } from './statement.ts';

/** Records which keys a database was used with. */
export function storeKeyRecords(database: SqlDatabase, digests: PersonDigests): StoreKeyRecords {
  return {
    storeKeyIds: async () => (await database.read(selectKeys)).map(({ id }) => id),
    recordStoreKey: (id) =>
      database.change(function* () {
        yield* auditedByCommand();
        yield* run(insertKey, id, Date.now());
      }),
    usesOfStoreKey: (id) => usesOf(database, id),
    forgetStoreKey: (id) => database.change(() => forget(id)),
    useKeys: (keys) => digests.useKeys(keys),
    hasDigests: () => containsDigests(database),
  };
}

/** The ids of the keys that were current, oldest first. */
export const selectKeys = statement<{ id: string }>(
  'store_keys',
  'SELECT id FROM store_key ORDER BY first_used_at, id',
);

const insertKey = statement(
  'record_store_key',
  'INSERT INTO store_key (id, first_used_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
);

const countUses = statement<StoreKeyUses>(
  'count_key_uses',
  `SELECT (SELECT count(*) FROM evidence WHERE key_id = $1) AS evidence,
     (SELECT count(*) FROM erasure WHERE key_id = $1) AS erasures,
     (SELECT count(*) FROM (
        SELECT mobile FROM suppression WHERE ${isDigest}
        UNION SELECT mobile FROM registry_entry WHERE ${isDigestInRegistry}) AS digested) AS suppressions,
     (SELECT count(DISTINCT digest) FROM contacted_person) AS contacts`,
);

async function usesOf(database: SqlDatabase, id: string): Promise<StoreKeyUses> {
  const [uses] = await database.read(countUses, id);
  return uses ?? { evidence: 0, erasures: 0, suppressions: 0, contacts: 0 };
}

const deleteKey = statement<{ id: string }>(
  'forget_store_key',
  'DELETE FROM store_key WHERE id = $1 RETURNING id',
);

function* forget(id: string): Change<void> {
  if ((yield* firstRow(deleteKey, id)) === undefined) throw userErrors.noStoreKey(id);
  yield* audit({ kind: 'store', id: null }, { key: id });
}
