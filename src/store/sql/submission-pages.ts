import type { SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Number of submissions and cancellations in a page, so that no read transaction lasts long. */
const pageSize = 10_000;

const endOfPage = statement<{ last: string | null }>(
  'end_of_page',
  'SELECT max(id) AS last FROM (SELECT id FROM submission WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) AS page',
);

/** Ids of submissions and cancellations after one id, up to and including another. */
export interface SubmissionPage {
  after: string;
  upTo: string;
}

/** Divides the submissions and cancellations into pages, oldest first. @param before a text after which none is wanted */
export async function* submissionPages(
  database: SqlDatabase,
  before: string,
): AsyncGenerator<SubmissionPage> {
  for (let after = ''; ; ) {
    const [end] = await database.read(endOfPage, after, before, pageSize);
    if (end === undefined || end.last === null) return;
    yield { after, upTo: end.last };
    after = end.last;
  }
}
