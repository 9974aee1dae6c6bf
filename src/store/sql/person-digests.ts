import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Condition: whether `suppression.mobile` is a digest. A number begins with `+`, and no digest with anything before `-`. */
export const isDigest = `suppression.mobile >= '-'`;

/** Expression: whether the store contains digests by which people are recognised. It searches two indexes. */
export const digestsExist = `(EXISTS (SELECT 1 FROM suppression WHERE ${isDigest}) OR EXISTS (SELECT 1 FROM contacted_person))`;

/** Reads whether the store contains digests. */
export const digestsInStore = statement<{ exist: boolean }>(
  'digests_exist',
  `SELECT ${digestsExist} AS exist`,
  { exist: true },
);

/** Returns whether the store contains digests by which people are recognised. */
export async function containsDigests(database: SqlDatabase): Promise<boolean> {
  return (await database.read(digestsInStore))[0]?.exist ?? false;
}
