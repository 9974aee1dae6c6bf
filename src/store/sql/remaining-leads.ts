import { setTimeout as sleep } from 'node:timers/promises';
import type { RemainingCount, RemainingFilter } from '../remaining-leads.ts';
import { stepDelay, stepSize } from '../steps.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { recordActions } from './lead-actions.ts';
import { endedOrder } from './lead-order.ts';
import { isCancellable } from './lead-state.ts';
import { checkType } from './lead-types.ts';
import { checkPartner } from './partners.ts';
import { type SqlDialect, statement } from './statement.ts';
import { typeIdOf } from './type-name.ts';

/** Selects the leads that are scheduled or held: by index, however many others there are. */
function matchingLeads(columns: string, { partner, type }: RemainingFilter, dialect: SqlDialect): string {
  const ofPartner = partner === undefined ? 'true' : 'partner_id = (SELECT id FROM partner WHERE name = $1)';
  const typeParameter = partner === undefined ? '$1' : '$2';
  const ofType =
    type === undefined
      ? `type_id ${dialect.inQuery('SELECT id FROM lead_type')}`
      : `type_id = ${typeIdOf(typeParameter)}`;
  return `
    SELECT ${columns} FROM lead WHERE state = 'scheduled' AND ${ofType} AND ${ofPartner}
    UNION ALL SELECT ${columns} FROM lead WHERE state = 'held' AND ${ofType} AND ${ofPartner}`;
}

function valuesOf({ partner, type }: RemainingFilter): string[] {
  return [partner, type].filter((value) => value !== undefined);
}

/** Counts the leads that are scheduled or held (see `RemainingLeads`). */
export async function countRemainingLeads(
  database: SqlDatabase,
  filter: RemainingFilter,
): Promise<RemainingCount> {
  if (filter.partner !== undefined) await checkPartner(database, filter.partner);
  if (filter.type !== undefined) await checkType(database, filter.type);
  // Has no name, because its text depends on the filter.
  const count = statement<RemainingCount>(
    '',
    (dialect) => `
      SELECT count(*) FILTER (WHERE is_cancellable) AS cancellable,
        count(*) FILTER (WHERE NOT is_cancellable) AS "inFlight"
      FROM (${matchingLeads(`${isCancellable('lead')} AS is_cancellable`, filter, dialect)}) AS matching`,
  );
  const [counted] = await database.read(count, ...valuesOf(filter));
  return counted ?? { cancellable: 0, inFlight: 0 };
}

/**
 * Cancels the leads that are scheduled or held, if possible (see `RemainingLeads`).
 *
 * @param change runs one step as a transaction
 */
export async function cancelRemainingLeads(
  database: Pick<SqlDatabase, 'read'>,
  change: SqlDatabase['change'],
  filter: RemainingFilter,
): Promise<number> {
  const matching = statement<{ id: string }>('', (dialect) => matchingLeads('id', filter, dialect));
  const ids = (await database.read(matching, ...valuesOf(filter))).map(({ id }) => id);
  let cancelled = 0;
  for (let start = 0; start < ids.length; start += stepSize) {
    if (start > 0) await sleep(stepDelay);
    const step = ids.slice(start, start + stepSize);
    cancelled += await change(() => cancelLeads(step, Date.now()));
  }
  return cancelled;
}

const cancelCancellable = statement<{ id: string }>(
  'cancel_remaining_leads',
  ({ inList }) => `
    UPDATE lead SET state = 'cancelled', cancelled_at = $1,
      ended_order = ${endedOrder}
    WHERE id ${inList('$2')} AND lead.state IN ('scheduled', 'held') AND ${isCancellable('lead')}
    RETURNING id`,
);

/** Cancels those of the leads that can still be cancelled, and returns their number. */
function* cancelLeads(ids: readonly string[], now: number): Change<number> {
  const cancelled = (yield* run(cancelCancellable, now, ids)).map(({ id }) => id);
  yield* recordActions(cancelled, 'cancelled');
  return cancelled.length;
}
