import type { DueLead } from '../../delivery.ts';
import { inPages } from '../../pages.ts';
import { isClaimable } from '../../sql/delivery-pauses.ts';
import { dueLeadColumns, dueLeadJoins } from '../../sql/due-lead.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';

/** PostgreSQL's clock (ms since 1970), from which leases count. */
export const databaseNow = '(SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)';

/**
 * Latest time for which leads can be claimed: the earlier of PostgreSQL's clock and this server's. A clock that is
 * fast, or was set forward, can therefore not end the lease of a lead that another server is delivering.
 *
 * @param ownClock parameter, such as `$1`
 */
export function claimableUntil(ownClock: string): string {
  return `least(${databaseNow}, ${ownClock}::bigint)`;
}

/** The order in which leads are delivered. @param lead name of the table in the query */
export const inDueOrder = (lead: string) => `${lead}.priority DESC, ${lead}.next_attempt_at, ${lead}.id`;

/** Parameters for the position of a lead in the due order. */
interface Position {
  priority: string;
  nextAttemptAt: string;
  id: string;
}

const start: Position = { priority: '9', nextAttemptAt: '0', id: "''" };

/**
 * Query for the ids of the leads that can be claimed: those with the highest priority first, then the most overdue
 * ones. It reads up to `limit` leads of each lead type that is not paused and of each priority, so the number of leads
 * of paused types does not matter. Leads with a priority have an index of their own, which is not searched for each
 * priority if it is empty.
 *
 * @param exceptTypes parameter for the names of types that are left out; empty: none
 */
export function claimableLeads({
  after = start,
  until,
  limit,
  exceptTypes = '',
}: {
  after?: Position;
  until: string;
  limit: string;
  exceptTypes?: string;
}): string {
  const ofType = `WHERE ${isClaimable(until)} ${exceptTypes && `AND lead_type.name <> ALL (${exceptTypes})`}`;
  const leads = (priority: string, condition: string) => `
      SELECT id, next_attempt_at, priority FROM lead
      WHERE state = 'scheduled' AND type_id = lead_type.id AND ${condition} AND next_attempt_at <= ${until}
        AND (next_attempt_at, id) > (
          CASE WHEN ${after.priority} = ${priority} THEN ${after.nextAttemptAt} ELSE 0 END,
          CASE WHEN ${after.priority} = ${priority} THEN ${after.id} ELSE '' END)
      ORDER BY next_attempt_at, id LIMIT ${limit}`;
  return `
    SELECT id, next_attempt_at, priority FROM (
      SELECT due.* FROM lead_type CROSS JOIN generate_series(1, ${after.priority}) AS level
      CROSS JOIN LATERAL (${leads('level', 'lead.priority > 0 AND lead.priority = level')}) AS due
      ${ofType} AND (SELECT EXISTS (SELECT FROM lead WHERE state = 'scheduled' AND priority > 0))
      UNION ALL
      SELECT due.* FROM lead_type CROSS JOIN LATERAL (${leads('0', 'lead.priority = 0')}) AS due
      ${ofType}
    ) AS claimable
    ORDER BY ${inDueOrder('claimable')}`;
}

const afterLast: Position = { priority: '$5::integer', nextAttemptAt: '$1::bigint', id: '$2::text' };

const dueLeads: Statement = {
  name: 'due_leads',
  text: `
    SELECT ${dueLeadColumns}, lead.next_attempt_at AS "nextAttemptAt"
    FROM (${claimableLeads({ after: afterLast, until: claimableUntil('$4'), limit: '$3' })} LIMIT $3) AS due
    JOIN lead ON lead.id = due.id ${dueLeadJoins}
    ORDER BY ${inDueOrder('lead')}`,
};

/** Lists the leads that can be claimed, in the order in which they are delivered. */
export async function* listDueLeads(database: PostgresDatabase, limit: number): AsyncGenerator<DueLead> {
  const rows = inPages<DueLead & { nextAttemptAt: number }>(limit, (last, size) =>
    database.read(dueLeads, [
      last?.nextAttemptAt ?? 0,
      last?.id ?? '',
      size,
      Date.now(),
      last?.priority ?? 9,
    ]),
  );
  for await (const { nextAttemptAt: _, ...lead } of rows) yield lead;
}

const nextAttempt: Statement = {
  name: 'next_attempt',
  text: `
    SELECT min((SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id)) AS at
    FROM lead_type WHERE ${isClaimable(databaseNow)}`,
};

/** Returns when the next lead can be claimed (ms since 1970). Undefined: none, or all are paused. */
export async function readNextAttemptAt(database: PostgresDatabase): Promise<number | undefined> {
  const [row] = await database.read<{ at: number | null }>(nextAttempt);
  return row?.at ?? undefined;
}
