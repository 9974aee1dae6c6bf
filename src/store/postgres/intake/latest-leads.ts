import { latestFirst } from '../../sql/lead-order.ts';
import { grantedTypeOf } from './granted-type.ts';

/**
 * CTE with the latest lead of each row of `requested` (`id`, `partner_id`, `type`, `mobile`): the partner's latest lead
 * for the person and type. `request_id` is the row's id. `type_id` is null if the type was never granted to the
 * partner, `id` is null if there is no lead.
 */
export const latestLeads = `
  latest AS MATERIALIZED (
    SELECT requested.id AS request_id, granted.type_id, granted.withdraws, lead.*
    FROM requested
    LEFT JOIN ${grantedTypeOf('requested')} AS granted ON true
    LEFT JOIN LATERAL (
      SELECT id, state, accepted_at, due_at, dialled_at, claim, may_have_arrived, ended_order, waits_for, next_attempt_at,
        expires_at, priority
      FROM lead
      WHERE lead.mobile = requested.mobile AND lead.type_id = granted.type_id
        AND lead.partner_id = requested.partner_id
      ORDER BY ${latestFirst} LIMIT 1
    ) AS lead ON true
  )`;
