import type { PersonDigests } from '../keys/person-digests.ts';
import type { ForgottenKey, StoreKeyRecords, StoreKeyUses } from '../keys/store-key-records.ts';
import { userErrors } from '../user-errors.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { containsDigests, isDigest, isDigestInRegistry } from './person-digests.ts';
import { statement } from './statement.ts';

/** Records which keys a database was used with. */
export function storeKeyRecords(database: SqlDatabase, digests: PersonDigests): StoreKeyRecords {
  return {
    storeKeyIds: async () => (await database.read(selectKeys)).map(({ id }) => id),
    forgottenStoreKeys: () => database.read(forgottenKeys),
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

/** The ids of the keys that were current and not forgotten, oldest first. */
export const selectKeys = statement<{ id: string }>(
  'store_keys',
  'SELECT id FROM store_key WHERE forgotten_at IS NULL ORDER BY first_used_at, id',
);

const forgottenKeys = statement<ForgottenKey>(
  'forgotten_store_keys',
  `SELECT id, forgotten_at AS "forgottenAt" FROM store_key WHERE forgotten_at IS NOT NULL ORDER BY first_used_at, id`,
);

const insertKey = statement(
  'record_store_key',
  `INSERT INTO store_key (id, first_used_at) VALUES ($1, $2)
   ON CONFLICT (id) DO UPDATE SET forgotten_at = NULL WHERE store_key.forgotten_at IS NOT NULL`,
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

const forgetKey = statement<{ id: string }>(
  'forget_store_key',
  'UPDATE store_key SET forgotten_at = $2 WHERE id = $1 AND forgotten_at IS NULL RETURNING id',
);

function* forget(id: string): Change<void> {
  if ((yield* firstRow(forgetKey, id, Date.now())) === undefined) throw userErrors.noStoreKey(id);
  yield* audit({ kind: 'store', id: null }, { key: id });
}
