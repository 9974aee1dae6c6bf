import type { KeyRecords } from '../keys/key-records.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import { auditedBefore } from './audit.ts';
import { run, type SqlDatabase } from './database.ts';
import { containsDigests } from './person-digests.ts';
import { statement } from './statement.ts';

/** Records which keys a database was used with. */
export function keyRecords(database: SqlDatabase, digests: PersonDigests): KeyRecords {
  return {
    storeKeyIds: async () => (await database.read(selectKeys)).map(({ id }) => id),
    recordStoreKey: (id) =>
      database.change(function* () {
        yield* auditedBefore();
        yield* run(insertKey, id, Date.now());
      }),
    useKeys: (keys) => digests.useKeys(keys),
    hasDigests: () => containsDigests(database),
  };
}

const selectKeys = statement<{ id: string }>(
  'store_keys',
  'SELECT id FROM store_key ORDER BY first_used_at, id',
);

const insertKey = statement(
  'record_store_key',
  'INSERT INTO store_key (id, first_used_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
);
