import type { DeliveryPause, DeliveryPauses } from '../delivery-pause.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';
import { typeIdOf } from './type-name.ts';

/** Condition: whether no pause applies to the leads of `lead_type`. */
export const isUnpaused = `NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = '')
  AND NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = lead_type.name)`;

/** Manages pauses of the delivery in a database. */
export function deliveryPauses(database: SqlDatabase): DeliveryPauses {
  return {
    pauses: async () => (await database.read(selectPauses)).map(deliveryPauseOf),
    pauseDelivery: (pause) => database.change(() => pauseDelivery(pause)),
    resumeDelivery: (type) => database.change(() => resumeDelivery(type)),
  };
}

/** A row of the table `delivery_pause`, in which an empty type stands for all types. */
type DeliveryPauseRow = Omit<DeliveryPause, 'type'> & { type: string };

const columns = 'type, paused_by AS "by", reason, paused_at AS since';

const selectPauses = statement<DeliveryPauseRow>(
  'delivery_pauses',
  `SELECT ${columns} FROM delivery_pause ORDER BY type, paused_by`,
);

const insertPause = statement(
  'pause_delivery',
  `INSERT INTO delivery_pause (type, paused_by, reason, paused_at) VALUES ($1, $2, $3, $4)
   ON CONFLICT (type, paused_by) DO UPDATE SET reason = excluded.reason, paused_at = excluded.paused_at
   WHERE excluded.paused_by = 'operator'`,
);

function* pauseDelivery({ type, by, reason }: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): Change<void> {
  const name = type === undefined ? '' : (yield* namedType(type)).name;
  yield* run(insertPause, name, by, reason, Date.now());
}

const deletePauses = statement<DeliveryPauseRow>(
  'resume_delivery',
  `DELETE FROM delivery_pause
   WHERE type = coalesce((SELECT lead_type.name FROM lead_type WHERE lead_type.id = ${typeIdOf('$1')}), $1)
   RETURNING ${columns}`,
);

function* resumeDelivery(type: string | undefined): Change<DeliveryPause[]> {
  return (yield* run(deletePauses, type ?? '')).map(deliveryPauseOf);
}

function deliveryPauseOf({ type, ...pause }: DeliveryPauseRow): DeliveryPause {
  return { type: type === '' ? undefined : type, ...pause };
}
