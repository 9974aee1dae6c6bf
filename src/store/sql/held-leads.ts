import type { LeadAction } from '../../leads/lead-action.ts';
import { type HeldCount, type HeldLeads, holdStepSize } from '../held-leads.ts';
import { audit } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { mayHaveArrivedSince } from './lead-state.ts';
import { statement } from './statement.ts';

/** Holds the scheduled leads of a restored database. */
export function heldLeads(database: SqlDatabase): HeldLeads {
  return {
    countScheduled: async (restoredAt) =>
      (await database.read(scheduledCount, restoredAt))[0] ?? { leads: 0, mayHaveArrived: 0 },
    holdScheduled: (restoredAt) => database.change(() => holdScheduled(restoredAt)),
  };
}

/** Counts the scheduled leads as a `HeldCount`. @param restoredAt parameter, such as `$1` */
export const countScheduledLeads = (restoredAt: string) => `
  SELECT count(*) AS leads, count(*) FILTER (WHERE ${mayHaveArrivedSince(restoredAt)}) AS "mayHaveArrived"
  FROM lead WHERE state = 'scheduled'`;

const scheduledCount = statement<HeldCount>('scheduled_count', countScheduledLeads('$1'));

/** In the order of the index of scheduled leads. */
const scheduledLeads = statement<{ id: string }>(
  'scheduled_leads',
  ({ lock }) => `
    SELECT id FROM lead WHERE state = 'scheduled' ORDER BY type_id, next_attempt_at, id LIMIT $1 ${lock('lead')}`,
);

const holdLeads = statement<{ mayHaveArrived: boolean }>(
  'hold_leads',
  ({ inList }) => `
    UPDATE lead SET state = 'held', claim = NULL, may_have_arrived = ${mayHaveArrivedSince('$2')}
    WHERE id ${inList('$1')} RETURNING may_have_arrived AS "mayHaveArrived"`,
  { mayHaveArrived: true },
);

const recordHeld = statement(
  'record_held',
  ({ inList }) => `
    INSERT INTO operator_action (lead_id, action, acted_at) SELECT id, $2, $3 FROM lead WHERE id ${inList('$1')}
    ORDER BY next_attempt_at, accepted_at, id`,
);

function* holdScheduled(restoredAt: number): Change<HeldCount> {
  const ids = (yield* run(scheduledLeads, holdStepSize)).map(({ id }) => id);
  const held = yield* run(holdLeads, ids, restoredAt);
  const action: LeadAction = 'held';
  yield* run(recordHeld, ids, action, restoredAt);
  yield* audit({ kind: 'store', id: null }, undefined, { held: held.length });
  return { leads: held.length, mayHaveArrived: held.filter(({ mayHaveArrived }) => mayHaveArrived).length };
}
