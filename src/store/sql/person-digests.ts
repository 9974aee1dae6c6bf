import type { PersonDigests } from '../keys/person-digests.ts';
import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Condition: whether `suppression.mobile` is a digest. A number begins with `+`, and no digest with anything before `-`. */
export const isDigest = `suppression.mobile >= '-'`;

/** Condition: whether `registry_entry.mobile` is a digest. */
export const isDigestInRegistry = `registry_entry.mobile >= '-'`;

/**
 * Expression: whether the store contains digests by which people are recognised. It reads the ends of three indexes:
 * for a condition in EXISTS, PostgreSQL scans a whole list that was imported after the last ANALYZE.
 */
export const digestsExist = `(coalesce((SELECT max(mobile) FROM suppression) >= '-', false)
    OR coalesce((SELECT max(mobile) FROM registry_entry) >= '-', false) OR EXISTS (SELECT 1 FROM contacted_person))`;

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

/** A row that a search for numbers has found. Without a lead: it reports that the store contains digests. */
interface FoundNumber {
  leadId: string | null;
  mobile: string | null;
}

/**
 * Searches for the numbers of leads and, if the store contains digests, for those of the numbers. Returns the rows that
 * were found, each with the number that was searched for.
 *
 * @param search reads the rows, and one without a lead if the store contains digests (`digestsExist`)
 */
export async function searchNumbers<Row extends FoundNumber>(
  digests: PersonDigests,
  numbers: readonly string[],
  search: (mobiles: readonly string[]) => Promise<readonly Row[]>,
): Promise<(Row & { leadId: string; mobile: string })[]> {
  const wasUsed = digests.areUsed;
  const ofNumbers = new Map<string, string>(
    wasUsed ? numbers.flatMap((number) => digests.of(number).map((digest) => [digest, number])) : [],
  );
  const rows = await search([...numbers, ...ofNumbers.keys()]);
  digests.areUsed = rows.some(({ leadId }) => leadId === null);
  // Another process has added the first digest: the search needs those of the numbers.
  if (digests.areUsed && !wasUsed) return searchNumbers(digests, numbers, search);
  return rows.flatMap((row) =>
    row.leadId === null || row.mobile === null
      ? []
      : [{ ...row, leadId: row.leadId, mobile: ofNumbers.get(row.mobile) ?? row.mobile }],
  );
}
