import type { SqlDatabase } from './database.ts';
import { type SqlStatement, statement } from './statement.ts';

/** A text that sorts after every id. */
export const afterAllIds = '~';

/** Default number of rows in a page, so that no read transaction lasts long. */
const defaultSize = 10_000;

type Table = 'lead' | 'submission';

const endOfPage: Record<Table, SqlStatement<{ last: string | null }>> = {
  lead: statement('end_of_lead_page', endOfPageIn('lead')),
  submission: statement('end_of_submission_page', endOfPageIn('submission')),
};

function endOfPageIn(table: Table): string {
  return `SELECT max(id) AS last FROM (SELECT id FROM ${table} WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) AS page`;
}

/** Ids of rows after one id, up to and including another. */
export interface IdPage {
  after: string;
  upTo: string;
}

/**
 * Divides the rows of a table into pages by their ids, oldest first.
 *
 * @param table `submission` includes cancellations
 * @param options `after`, `before`: texts between which the ids are; `size`: number of rows in a page
 */
export async function* idPages(
  database: SqlDatabase,
  table: Table,
  { after = '', before = afterAllIds, size = defaultSize } = {},
): AsyncGenerator<IdPage> {
  for (let start = after; ; ) {
    const [end] = await database.read(endOfPage[table], start, before, size);
    if (end === undefined || end.last === null) return;
    yield { after: start, upTo: end.last };
    start = end.last;
  }
}
