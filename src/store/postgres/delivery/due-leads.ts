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

/**
 * Query for the ids of the leads that can be claimed, most overdue first. It reads up to `limit` leads of each lead
 * type that is not paused, so the number of leads of paused types does not matter.
 *
 * @param exceptTypes parameter for the names of types that are left out; empty: none
 */
export function claimableLeads({
  after = "(0, '')",
  until,
  limit,
  exceptTypes = '',
}: {
  after?: string;
  until: string;
  limit: string;
  exceptTypes?: string;
}): string {
  return `
    SELECT due.id, due.next_attempt_at
    FROM lead_type CROSS JOIN LATERAL (
      SELECT id, next_attempt_at FROM lead
      WHERE state = 'scheduled' AND type_id = lead_type.id
        AND next_attempt_at <= ${until} AND (next_attempt_at, id) > ${after}
      ORDER BY next_attempt_at, id LIMIT ${limit}
    ) AS due
    WHERE ${isClaimable(until)} ${exceptTypes && `AND lead_type.name <> ALL (${exceptTypes})`}
    ORDER BY due.next_attempt_at, due.id`;
}

const dueLeads: Statement = {
  name: 'due_leads',
  text: `
    SELECT ${dueLeadColumns}, lead.next_attempt_at AS "nextAttemptAt"
    FROM (${claimableLeads({ after: '($1, $2)', until: claimableUntil('$4'), limit: '$3' })} LIMIT $3) AS due
    JOIN lead ON lead.id = due.id ${dueLeadJoins}
    ORDER BY lead.next_attempt_at, lead.id`,
};

/** Lists the leads that can be claimed, most overdue first. */
export async function* listDueLeads(database: PostgresDatabase, limit: number): AsyncGenerator<DueLead> {
  const rows = inPages<DueLead & { nextAttemptAt: number }>(limit, (last, size) =>
    database.read(dueLeads, [last?.nextAttemptAt ?? 0, last?.id ?? '', size, Date.now()]),
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
