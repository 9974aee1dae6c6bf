import { submittedFields } from '../../leads/submitted-fields.ts';
import type { Attempt } from '../delivery.ts';
import { inPages } from '../pages.ts';
import type {
  CancellationRecord,
  LeadFilter,
  LeadRecord,
  Records,
  SubmissionFilter,
  SubmissionRecord,
} from '../records.ts';
import type { SqlDatabase } from './database.ts';
import { afterAllIds, idPages } from './id-pages.ts';
import { leadActionsFor } from './lead-actions.ts';
import { isBetweenAttempts, isUndecided, ofLatestResult } from './lead-state.ts';
import { checkType } from './lead-types.ts';
import { checkPartner } from './partners.ts';
import { type SubmissionRow, selectLeads, selectSubmissions, withReruns } from './record-rows.ts';
import { sentFor } from './sent-for.ts';
import { type SqlDialect, type SqlStatement, statement } from './statement.ts';
import { typeIdOf } from './type-name.ts';

/** Lists the records of a database for operators. */
export function records(database: SqlDatabase): Records {
  return {
    leads: (filter, limit) => leads(database, filter, limit),
    submissions: (filter, limit) => submissions(database, filter, limit),
    attempts: (mobile) => readAll(database, attemptsFor, mobile),
    leadActions: (mobile) => readAll(database, leadActionsFor, mobile),
    cancellations: (mobile) => readAll(database, cancellationsFor, mobile),
    mobileOf: async (id) => (await database.read(mobileOf, id))[0]?.mobile,
    mobilesOfEmail: (email) => mobilesOfEmail(database, email),
  };
}

/** Reads the rows of a list that is short enough to be read at once. */
async function* readAll<Row extends object>(
  database: SqlDatabase,
  list: SqlStatement<Row>,
  mobile: string,
): AsyncGenerator<Row> {
  yield* await database.read(list, mobile);
}

async function* leads(database: SqlDatabase, filter: LeadFilter, limit: number): AsyncGenerator<LeadRecord> {
  const { type, partner } = filter;
  if (type !== undefined) await checkType(database, type);
  if (partner !== undefined) await checkPartner(database, partner);
  yield* matchingLeads(database, filter, limit);
}

/** Condition: whether a lead waits for a retry. A separate query, so that the index of such leads is used. */
function isWaitingAt(now: string, { inQuery }: SqlDialect): string {
  return `lead.id ${inQuery(`SELECT id FROM lead WHERE ${isBetweenAttempts} AND next_attempt_at > ${now}`)}`;
}

/** Lists leads, newest first. */
function matchingLeads(database: SqlDatabase, filter: LeadFilter, limit: number): AsyncGenerator<LeadRecord> {
  const { where, values, parameter } = conditions([
    [(state) => `lead.state = ${state}`, filter.state],
    [(type) => `lead.type_id = ${typeIdOf(type)}`, filter.type],
    [(partner) => `partner.name = ${partner}`, filter.partner],
    [(mobile) => `lead.mobile = ${mobile}`, filter.mobile],
    [(result) => `${ofLatestResult('result')} = ${result}`, filter.result],
    [isWaitingAt, filter.isWaitingForRetry && Date.now()],
  ]);
  // Has no name, because its text depends on the filter.
  const page = statement<LeadRecord>(
    '',
    (dialect) => `
      ${selectLeads}
      WHERE ${where(dialect)} AND ${filter.isUndecided ? isUndecided : 'true'} AND lead.id < ${parameter(0)}
      ORDER BY lead.id DESC LIMIT ${parameter(1)}`,
    { isUndecided: true, mayHaveArrived: true },
  );
  return inPages<LeadRecord>(limit, (last, size) =>
    database.read(page, ...values, last?.id ?? afterAllIds, size),
  );
}

const lastOutcome = `coalesce(
  (SELECT outcome FROM rerun WHERE submission_id = submission.id ORDER BY id DESC LIMIT 1),
  submission.outcome)`;

/** Lists submissions, newest first. */
function submissions(
  database: SqlDatabase,
  filter: SubmissionFilter,
  limit: number,
): AsyncGenerator<SubmissionRecord> {
  const { where, values, parameter } = conditions([
    [(outcome) => `${lastOutcome} = ${outcome}`, filter.outcome],
    [sentFor, filter.mobile],
  ]);
  const page = statement<SubmissionRow>(
    '',
    (dialect) => `
      ${selectSubmissions}
      WHERE submission.kind = 'add' AND ${where(dialect)} AND submission.id < ${parameter(0)}
      ORDER BY submission.id DESC LIMIT ${parameter(1)}`,
  );
  return inPages<SubmissionRecord>(limit, async (last, size) =>
    withReruns(database, await database.read(page, ...values, last?.id ?? afterAllIds, size)),
  );
}

const attemptsFor = statement<Attempt>(
  'attempts',
  ({ inQuery }) => `
    SELECT lead_id AS "leadId", started_at AS "startedAt", ended_at AS "endedAt", outcome, response
    FROM attempt WHERE lead_id ${inQuery('SELECT id FROM lead WHERE mobile = $1')} ORDER BY id`,
);

const cancellationsFor = statement<CancellationRecord>(
  'cancellations',
  (dialect) => `
    ${selectSubmissions}
    WHERE submission.kind = 'cancel' AND ${sentFor('$1', dialect)}
    ORDER BY submission.sequence DESC`,
);

const mobileOf = statement<{ mobile: string }>(
  'mobile_of',
  'SELECT mobile FROM lead WHERE id = $1 UNION SELECT mobile FROM submission WHERE id = $1',
);

/** Finds those whose content matches a pattern; the address itself is compared once the content is parsed. */
const submissionsWith = statement<{ mobile: string; content: string }>(
  'submissions_with',
  `SELECT mobile, content FROM submission
   WHERE id > $1 AND id <= $2 AND kind = 'add' AND lower(content) LIKE $3 ORDER BY id`,
);

async function mobilesOfEmail(database: SqlDatabase, email: string): Promise<string[]> {
  const wanted = email.toLowerCase();
  // JSON encoders escape some of the other characters, such as `+` and `/`, in different ways.
  const pattern = `%${wanted.replace(/[^a-z0-9.@-]/g, '%')}%`;
  const mobiles = new Set<string>();
  for await (const { after, upTo } of idPages(database, 'submission')) {
    for (const { mobile, content } of await database.read(submissionsWith, after, upTo, pattern)) {
      if (submittedFields(content).email.toLowerCase() === wanted) mobiles.add(mobile);
    }
  }
  return [...mobiles];
}

/** A condition as a function of the parameter for its value. Without a value it does not apply. */
type Filter = readonly [
  condition: (parameter: string, dialect: SqlDialect) => string,
  value: string | number | undefined,
];

/** The conditions of the filters that have a value. */
interface Conditions {
  where(dialect: SqlDialect): string;
  values: (string | number)[];
  /** Returns one of the parameters after those of the values. @param index starting at 0 */
  parameter(index: number): string;
}

function conditions(filters: readonly Filter[]): Conditions {
  const applied = filters.flatMap(([condition, value]) =>
    value === undefined ? [] : [{ condition, value }],
  );
  return {
    where: (dialect) =>
      ['true', ...applied.map(({ condition }, index) => condition(`$${index + 1}`, dialect))].join(' AND '),
    values: applied.map(({ value }) => value),
    parameter: (index) => `$${applied.length + index + 1}`,
  };
}
