import type { DatabaseSync } from 'node:sqlite';
import { type DeliveryPauseRow, type DeliveryPauses, deliveryPauseOf } from '../delivery-pause.ts';
import { userErrors } from '../user-errors.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

/** Whether leads of `lead_type` can be delivered. */
export const isOpen = `lead_type.name NOT IN (SELECT type FROM delivery_pause)
  AND NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = '')`;

const columns = 'type, paused_by AS "by", reason, paused_at AS since';

export function sqliteDeliveryPauses(database: DatabaseSync, queue: CommitQueue): DeliveryPauses {
  const all = new Query<DeliveryPauseRow>(
    database,
    `SELECT ${columns} FROM delivery_pause ORDER BY type, paused_by`,
  );
  const hasType = new Query(database, 'SELECT 1 FROM lead_type WHERE name = ?');
  const pause = new Query(
    database,
    `INSERT INTO delivery_pause (type, paused_by, reason, paused_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (type, paused_by) DO UPDATE SET reason = excluded.reason, paused_at = excluded.paused_at
     WHERE excluded.paused_by = 'operator'`,
  );
  const resume = new Query<DeliveryPauseRow>(
    database,
    `DELETE FROM delivery_pause WHERE type = ? RETURNING ${columns}`,
  );

  return {
    async pauses() {
      return all.all().map(deliveryPauseOf);
    },

    pauseDelivery({ type, by, reason }) {
      return queue.write(() => {
        if (type !== undefined && hasType.first(type) === undefined) throw userErrors.noType(type);
        pause.run(type ?? '', by, reason, Date.now());
      });
    },

    resumeDelivery(type) {
      return queue.write(() => resume.all(type ?? '').map(deliveryPauseOf));
    },
  };
}
