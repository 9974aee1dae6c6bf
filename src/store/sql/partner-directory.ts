import type { PartnerDirectory } from '../partner-directory.ts';
import { type Change, firstRow, type SqlDatabase } from './database.ts';
import { addTypeIfNew, leadTypes } from './lead-types.ts';
import { addKey, partnerKeys } from './partner-keys.ts';
import { addPartner, partners } from './partners.ts';
import { statement } from './statement.ts';

/** Manages partners, their keys and their lead types in a database. */
export function partnerDirectory(database: SqlDatabase): PartnerDirectory {
  return {
    ...leadTypes(database),
    ...partners(database),
    ...partnerKeys(database),
    async addFirstPartner(partner, type, keyId, digest, isTest = false) {
      // Read first: a server must be able to start while another process holds the write lock.
      if ((await database.read(anyEntry)).length > 0) return false;
      return database.change(() => addFirstPartner(partner, type, { id: keyId, digest, isTest }));
    },
  };
}

const anyEntry = statement('any_entry', 'SELECT 1 FROM partner UNION ALL SELECT 1 FROM lead_type LIMIT 1');

function* addFirstPartner(
  partner: string,
  type: string,
  { id, digest, isTest }: { id: string; digest: string; isTest: boolean },
): Change<boolean> {
  if ((yield* firstRow(anyEntry)) !== undefined) return false;
  // False: another server is starting on the same store, and has added the type meanwhile.
  if (!(yield* addTypeIfNew(type, null, 'always'))) return false;
  yield* addPartner(partner, [type]);
  yield* addKey(partner, id, digest, isTest);
  return true;
}
