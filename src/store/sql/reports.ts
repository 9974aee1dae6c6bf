import { identifierBound } from '../../leads/identifier.ts';
import type { ReportedRejections, ReportedSubmission } from '../../leads/report.ts';
import type { ReportFilter, Reports } from '../reports.ts';
import type { SqlDatabase } from './database.ts';
import { maxIdDeviation } from './exports.ts';
import { idPages } from './id-pages.ts';
import { ofLatestResult } from './lead-state.ts';
import { checkPartner } from './partners.ts';
import { statement } from './statement.ts';
import { typeIdOf } from './type-name.ts';

/** Number of rows in a page: a server reads reports while it accepts leads. */
const pageSize = 200;

/** Reads from a database what reports count. */
export function reports(database: SqlDatabase): Reports {
  return {
    reportedSubmissions: (filter) => reportedSubmissions(database, filter),
    reportedRejections: ({ from, before, partner }) =>
      database.read(selectRejections, from, before, partner ?? null),
  };
}

const outcome = 'coalesce(last_run.outcome, submission.outcome)';

const submissionsOfPage = statement<ReportedSubmission>(
  'reported_submissions_of_page',
  `SELECT partner.name AS partner, submission.received_at AS "receivedAt", lead_type.name AS type, ${outcome} AS outcome,
     lead.state, lead.due_at AS "dueAt", lead.dialled_at AS "dialledAt",
     CASE WHEN lead.dialled_at IS NOT NULL THEN ${ofLatestResult('result')} END AS result
   FROM submission
   JOIN partner ON partner.id = submission.partner_id
   LEFT JOIN rerun AS last_run ON last_run.id = (SELECT max(id) FROM rerun WHERE submission_id = submission.id)
   LEFT JOIN lead ON ${outcome} = 'accepted' AND lead.id = coalesce(last_run.lead_id, submission.lead_id)
   LEFT JOIN lead_type ON lead_type.id = ${typeIdOf('submission.type')}
   WHERE submission.id > $1 AND submission.id <= $2 AND submission.kind = 'add'
     AND submission.received_at >= $3 AND submission.received_at < $4
     AND (CAST($5 AS text) IS NULL OR partner.name = $5)
   ORDER BY submission.id`,
);

async function* reportedSubmissions(
  database: SqlDatabase,
  { from, before, partner }: ReportFilter,
): AsyncGenerator<readonly ReportedSubmission[]> {
  if (partner !== undefined) await checkPartner(database, partner);
  const pages = idPages(database, 'submission', {
    size: pageSize,
    after: identifierBound(from - maxIdDeviation),
    before: identifierBound(before + maxIdDeviation),
  });
  for await (const { after, upTo } of pages) {
    yield await database.read(submissionsOfPage, after, upTo, from, before, partner ?? null);
  }
}

const selectRejections = statement<ReportedRejections>(
  'reported_rejections',
  `SELECT partner.name AS partner, day, outcome, reason, CAST(sum(count) AS bigint) AS count
   FROM rejection JOIN partner ON partner.id = rejection.partner_id
   WHERE operation IN ('addLead', 'addLeads') AND day >= $1 AND day < $2
     AND (CAST($3 AS text) IS NULL OR partner.name = $3)
   GROUP BY partner.name, day, outcome, reason
   ORDER BY count DESC, reason`,
);
