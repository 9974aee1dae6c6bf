import { identifierBound } from '../../leads/identifier.ts';
import type { ExportFilter, Exports } from '../exports.ts';
import type { LeadRecord, SubmissionRecord } from '../records.ts';
import type { SqlDatabase } from './database.ts';
import { idPages } from './id-pages.ts';
import { checkType } from './lead-types.ts';
import { checkPartner } from './partners.ts';
import { type SubmissionRow, selectLeads, selectSubmissions, withReruns } from './record-rows.ts';
import { statement } from './statement.ts';
import { namesOfType, typeIdOf } from './type-name.ts';

/** Number of rows in a page: the content of each may be large. */
const pageSize = 500;

/**
 * Maximum difference between the time in an id and the time of its row (ms). They are read one after the other, and ids
 * continue to increase while a clock that was set back catches up.
 */
export const maxIdDeviation = 86_400_000;

/** Exports the records of a database, page by page, so that memory and read transactions stay small. */
export function recordExports(database: SqlDatabase): Exports {
  return {
    exportLeads: (filter) => exportLeads(database, filter),
    exportSubmissions: (filter) => exportSubmissions(database, filter),
  };
}

/**
 * Condition on the rows of a page, and their order.
 *
 * @param row expressions for its id and time, and the condition that its type is `$6`
 */
function rowsOfPage(row: { id: string; time: string; isOfType: string }): string {
  return `${row.id} > $1 AND ${row.id} <= $2 AND ${row.time} >= $3 AND ${row.time} < $4
      AND (CAST($5 AS text) IS NULL OR partner.name = $5)
      AND (CAST($6 AS text) IS NULL OR ${row.isOfType})
    ORDER BY ${row.id}`;
}

const leadsOfPage = statement<LeadRecord>(
  'leads_of_page',
  `${selectLeads} WHERE ${rowsOfPage({
    id: 'lead.id',
    time: 'lead.accepted_at',
    isOfType: `lead.type_id = ${typeIdOf('$6')}`,
  })}`,
  { isUndecided: true, mayHaveArrived: true },
);

const submissionsOfPage = statement<SubmissionRow>(
  'submissions_of_page',
  ({ inQuery }) =>
    `${selectSubmissions} WHERE submission.kind = 'add' AND ${rowsOfPage({
      id: 'submission.id',
      time: 'submission.received_at',
      isOfType: `submission.type ${inQuery(namesOfType('$6'))}`,
    })}`,
);

async function* exportLeads(database: SqlDatabase, filter: ExportFilter): AsyncGenerator<LeadRecord> {
  if (filter.type !== undefined) await checkType(database, filter.type);
  if (filter.partner !== undefined) await checkPartner(database, filter.partner);
  for await (const { after, upTo } of pages(database, 'lead', filter)) {
    yield* await database.read(leadsOfPage, after, upTo, ...valuesOf(filter));
  }
}

async function* exportSubmissions(
  database: SqlDatabase,
  filter: ExportFilter,
): AsyncGenerator<SubmissionRecord> {
  if (filter.partner !== undefined) await checkPartner(database, filter.partner);
  for await (const { after, upTo } of pages(database, 'submission', filter)) {
    yield* await withReruns(
      database,
      await database.read(submissionsOfPage, after, upTo, ...valuesOf(filter)),
    );
  }
}

function pages(database: SqlDatabase, table: 'lead' | 'submission', { from, before }: ExportFilter) {
  return idPages(database, table, {
    size: pageSize,
    ...(from !== undefined && { after: identifierBound(from - maxIdDeviation) }),
    ...(before !== undefined && { before: identifierBound(before + maxIdDeviation) }),
  });
}

function valuesOf({ from, before, partner, type }: ExportFilter) {
  return [from ?? 0, before ?? Number.MAX_SAFE_INTEGER, partner ?? null, type ?? null];
}
