import type { Cancellation } from '../../../leads/cancellation.ts';
import type { Idempotency } from '../../../leads/idempotency.ts';
import type { CancellationOutcome } from '../../../leads/lead.ts';
import { latestFirst, nextEndedOrder } from '../../lead-order.ts';
import type { Cancelled } from '../../store.ts';
import type { Statement } from '../connection/database.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import { storable } from './submit.ts';

/** A cancellation, as the statement reads it. */
export interface SentCancellation {
  id: string;
  partner_id: number;
  received_at: number;
  type: string;
  mobile: string;
  content: string;
  idempotency_key: string | null;
  fingerprint: string | null;
}

/** What a cancellation came to, now or when it was first sent under its idempotency key. */
export interface CancellationDecision {
  id: string;
  outcome: CancellationOutcome | 'idempotency-key-reused';
  isReplay: boolean;
}

export function sentCancellationOf(
  { id, partnerId, receivedAt, type, mobile, content }: Cancellation,
  idempotency?: Idempotency,
): SentCancellation {
  return {
    id,
    partner_id: partnerId,
    received_at: receivedAt,
    type: storable(type),
    mobile,
    content,
    idempotency_key: idempotency?.key ?? null,
    fingerprint: idempotency?.fingerprint ?? null,
  };
}

/** The last lead that each partner submitted for each person and type that is `wanted`, by the `id` of what asks. */
export const lastLeads = `
  last AS MATERIALIZED (
    SELECT wanted.id AS asked_by, granted.type_id, lead.*
    FROM wanted
    LEFT JOIN LATERAL (
      SELECT lead_type.id AS type_id
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.name = wanted.type AND granted_type.partner_id = wanted.partner_id
      LIMIT 1
    ) AS granted ON true
    LEFT JOIN LATERAL (
      SELECT id, state, accepted_at, due_at, dialled_at, claim, may_have_arrived FROM lead
      WHERE lead.mobile = wanted.mobile AND lead.type_id = granted.type_id
        AND lead.partner_id = wanted.partner_id
      ORDER BY ${latestFirst} LIMIT 1
    ) AS lead ON true
  )`;

/**
 * Cancels what the cancellations in `$1` name, at `$2`, and stores each with its outcome. Of several that name the same
 * lead at once the first cancels it. `told` has those whose idempotency key has an answer already: they are not stored
 * again. The outcome is null if somebody else changed the lead just now: such a cancellation must be sent once more.
 * Otherwise it is `outcomeIfNotCancelled` of the lead logic.
 */
export const cancel = writeStatement(
  'cancel',
  `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, received_at bigint, type text, mobile text, content text,
      idempotency_key text, fingerprint text)
  ), recorded AS MATERIALIZED (
    SELECT sent.id, record.fingerprint = sent.fingerprint AS is_same, record.outcome
    FROM sent CROSS JOIN LATERAL (
      SELECT fingerprint, outcome FROM idempotency_record
      WHERE idempotency_record.partner_id = sent.partner_id AND idempotency_record.idempotency_key = sent.idempotency_key
      LIMIT 1
    ) AS record
    WHERE sent.idempotency_key IS NOT NULL
  ), wanted AS (
    SELECT * FROM sent WHERE id NOT IN (SELECT id FROM recorded)
  ), ${lastLeads}, first AS (
    SELECT DISTINCT ON (id) id, asked_by FROM last WHERE id IS NOT NULL ORDER BY id, asked_by COLLATE "C"
  ), cancelled AS (
    UPDATE lead SET state = 'cancelled', cancelled_at = $2,
      ended_order = CASE lead.ended_order WHEN 0 THEN ${nextEndedOrder} ELSE lead.ended_order END
    WHERE lead.id = ANY (ARRAY(SELECT id FROM first))
      AND lead.state IN ('scheduled', 'failed') AND lead.claim IS NULL AND NOT lead.may_have_arrived
    RETURNING lead.id
  ), decided AS (
    SELECT last.asked_by AS id, last.id AS lead_id,
      CASE
        WHEN last.type_id IS NULL THEN 'unknown-type'
        WHEN cancelled.id IS NOT NULL AND first.id IS NOT NULL THEN 'cancelled'
        WHEN last.state IN ('scheduled', 'failed') AND last.claim IS NULL AND NOT last.may_have_arrived THEN NULL
        WHEN last.state IN ('scheduled', 'dialled', 'failed') THEN 'already-processed'
        ELSE 'not-found'
      END AS outcome
    FROM last
    LEFT JOIN first ON first.asked_by = last.asked_by
    LEFT JOIN cancelled ON cancelled.id = last.id
  ), stored AS (
    INSERT INTO submission (id, kind, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
    SELECT wanted.id, 'cancel', partner_id, received_at, type, mobile, 0, content, outcome,
      CASE WHEN outcome <> 'not-found' THEN lead_id END
    FROM decided JOIN wanted ON wanted.id = decided.id
    WHERE outcome IS NOT NULL
  ), saved_record AS (
    INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, recorded_at)
    SELECT partner_id, idempotency_key, fingerprint, outcome, $2
    FROM decided JOIN wanted ON wanted.id = decided.id
    WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
  )
  SELECT id, outcome, false AS "isReplay" FROM decided WHERE outcome IS NOT NULL AND ${isCurrent}
  UNION ALL
  SELECT id, CASE WHEN is_same THEN outcome ELSE 'idempotency-key-reused' END, true FROM recorded`,
);

/** Reads what became of those cancellations in `$1` that are stored already. */
export const storedCancellations: Statement = {
  name: 'stored_cancellations',
  text: `
    SELECT submission.id, submission.outcome, false AS "isReplay"
    FROM json_to_recordset($1::json) AS sent (id text)
    JOIN submission ON submission.id = sent.id`,
};

/** The caller's part of what became of a cancellation. */
export function cancelledOf({ outcome, isReplay }: CancellationDecision): Cancelled {
  return outcome === 'idempotency-key-reused' ? { outcome } : { outcome, isReplay };
}
