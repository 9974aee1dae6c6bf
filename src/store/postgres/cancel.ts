import type { Cancellation } from '../../leads/cancellation.ts';
import type { Idempotency } from '../../leads/idempotency.ts';
import type { CancellationOutcome } from '../../leads/lead.ts';
import { lastFirst, nextReleased } from '../lead-order.ts';
import type { Cancelled } from '../store.ts';
import type { Statement } from './database.ts';
import { isCurrent, writeStatement } from './schema-version.ts';
import { storable } from './take.ts';

/** A cancellation, as the statement reads it. */
export interface CancellationToJudge {
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
export interface JudgedCancellation {
  id: string;
  outcome: CancellationOutcome | 'key-used-otherwise';
  isReplay: boolean;
}

export function cancellationToJudge(
  { id, partnerId, receivedAt, type, mobile, content }: Cancellation,
  idempotency?: Idempotency,
): CancellationToJudge {
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
      ORDER BY ${lastFirst} LIMIT 1
    ) AS lead ON true
  )`;

/**
 * Cancels what the cancellations in `$1` name, at `$2`, and stores each with its outcome. Of several that name the same
 * lead at once the first cancels it. `told` has those whose idempotency key has an answer already: they are not stored
 * again. The outcome is null if somebody else changed the lead just now: such a cancellation must be sent once more.
 * Otherwise it is `outcomeWithoutCancelling` of the lead logic.
 */
export const cancel = writeStatement(
  'cancel',
  `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, received_at bigint, type text, mobile text, content text,
      idempotency_key text, fingerprint text)
  ), told AS MATERIALIZED (
    SELECT sent.id, answer.fingerprint = sent.fingerprint AS is_same, answer.outcome
    FROM sent CROSS JOIN LATERAL (
      SELECT fingerprint, outcome FROM kept_answer
      WHERE kept_answer.partner_id = sent.partner_id AND kept_answer.idempotency_key = sent.idempotency_key
      LIMIT 1
    ) AS answer
    WHERE sent.idempotency_key IS NOT NULL
  ), wanted AS (
    SELECT * FROM sent WHERE id NOT IN (SELECT id FROM told)
  ), ${lastLeads}, first AS (
    SELECT DISTINCT ON (id) id, asked_by FROM last WHERE id IS NOT NULL ORDER BY id, asked_by COLLATE "C"
  ), cancelled AS (
    UPDATE lead SET state = 'cancelled', cancelled_at = $2,
      released = CASE lead.released WHEN 0 THEN ${nextReleased} ELSE lead.released END
    WHERE lead.id = ANY (ARRAY(SELECT id FROM first))
      AND lead.state IN ('scheduled', 'failed') AND lead.claim IS NULL AND NOT lead.may_have_arrived
    RETURNING lead.id
  ), judged AS (
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
    FROM judged JOIN wanted ON wanted.id = judged.id
    WHERE outcome IS NOT NULL
  ), kept AS (
    INSERT INTO kept_answer (partner_id, idempotency_key, fingerprint, outcome, kept_at)
    SELECT partner_id, idempotency_key, fingerprint, outcome, $2
    FROM judged JOIN wanted ON wanted.id = judged.id
    WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
  )
  SELECT id, outcome, false AS "isReplay" FROM judged WHERE outcome IS NOT NULL AND ${isCurrent}
  UNION ALL
  SELECT id, CASE WHEN is_same THEN outcome ELSE 'key-used-otherwise' END, true FROM told`,
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
export function cancelledOf({ outcome, isReplay }: JudgedCancellation): Cancelled {
  return outcome === 'key-used-otherwise' ? { outcome } : { outcome, isReplay };
}
