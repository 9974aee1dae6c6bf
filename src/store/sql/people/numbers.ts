import { inPages } from '../../pages.ts';
import type { People, SentNumber } from '../../people.ts';
import type { SqlDatabase } from '../database.ts';
import { isDigest, isDigestInRegistry } from '../person-digests.ts';
import { type SqlStatement, statement } from '../statement.ts';

/** Lists the phone numbers in a database. */
export function numbers(
  database: SqlDatabase,
): Pick<People, 'submissionsWithOtherPhone' | 'sentNumbers' | 'leadNumbers' | 'listedMobiles'> {
  const allRows = Number.MAX_SAFE_INTEGER;
  const sent = (page: SqlStatement<SentNumber>) =>
    inPages<SentNumber>(allRows, (last, size) => database.read(page, last?.id ?? '', size));
  return {
    submissionsWithOtherPhone: () => sent(otherPhonePage),
    sentNumbers: () => sent(sentPage),
    leadNumbers: () =>
      inPages<{ id: string; mobile: string }>(allRows, (last, size) =>
        database.read(leadPage, last?.id ?? '', size),
      ),
    listedMobiles: () =>
      inPages<{ mobile: string }>(allRows, (last, size) =>
        database.read(listedPage, last?.mobile ?? '', size),
      ),
  };
}

const sentColumns = 'id, kind, mobile, content';

const sentPage = statement<SentNumber>(
  'sent_page',
  `SELECT ${sentColumns} FROM submission WHERE id > $1 ORDER BY id LIMIT $2`,
);

/** An encoder may have escaped the name of the field. */
const otherPhonePage = statement<SentNumber>(
  'other_phone_page',
  `SELECT ${sentColumns} FROM submission
   WHERE id > $1 AND kind = 'add' AND (content LIKE '%other_phone%' OR content LIKE '%\\u%') ORDER BY id LIMIT $2`,
);

const leadPage = statement<{ id: string; mobile: string }>(
  'lead_number_page',
  'SELECT id, mobile FROM lead WHERE id > $1 ORDER BY id LIMIT $2',
);

/** The limits inside let each list be read by its key, one page at a time. */
const listedPage = statement<{ mobile: string }>(
  'listed_number_page',
  `SELECT mobile FROM (
     SELECT mobile FROM (
       SELECT DISTINCT mobile FROM suppression WHERE mobile > $1 AND NOT ${isDigest} ORDER BY mobile LIMIT $2) AS suppressed
     UNION SELECT mobile FROM (
       SELECT DISTINCT mobile FROM registry_entry
       WHERE mobile > $1 AND NOT ${isDigestInRegistry} ORDER BY mobile LIMIT $2) AS registered) AS listed
   ORDER BY mobile LIMIT $2`,
);
