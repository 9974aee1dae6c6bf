import { type DeliveryPauseRow, type DeliveryPauses, deliveryPauseOf } from '../delivery-pause.ts';
import { userErrors } from '../user-errors.ts';
import type { PostgresDatabase, Statement } from './connection/database.ts';

/** Whether leads of `lead_type` can be delivered. */
export const isOpen = `NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = '')
  AND NOT EXISTS (SELECT 1 FROM delivery_pause WHERE type = lead_type.name)`;

const columns = 'type, paused_by AS "by", reason, paused_at AS since';

const all: Statement = {
  name: 'delivery_pauses',
  text: `SELECT ${columns} FROM delivery_pause ORDER BY type, paused_by`,
};

export function postgresDeliveryPauses(database: PostgresDatabase): DeliveryPauses {
  return {
    async pauses() {
      return (await database.read<DeliveryPauseRow>(all)).map(deliveryPauseOf);
    },

    pauseDelivery({ type, by, reason }) {
      return database.transaction(async (run) => {
        if (type !== undefined) {
          const [found] = await run('SELECT 1 FROM lead_type WHERE name = $1', [type]);
          if (found === undefined) throw userErrors.noType(type);
        }
        await run(
          `INSERT INTO delivery_pause (type, paused_by, reason, paused_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (type, paused_by) DO UPDATE SET reason = excluded.reason, paused_at = excluded.paused_at
           WHERE excluded.paused_by = 'operator'`,
          [type ?? '', by, reason, Date.now()],
        );
      });
    },

    resumeDelivery(type) {
      return database.transaction(async (run) => {
        const text = `DELETE FROM delivery_pause WHERE type = $1 RETURNING ${columns}`;
        return (await run<DeliveryPauseRow>(text, [type ?? ''])).map(deliveryPauseOf);
      });
    },
  };
}
