import type { Idempotency } from '../../../leads/idempotency.ts';
import { newIdentifier } from '../../../leads/identifier.ts';
import type { SubmissionOutcome } from '../../../leads/lead.ts';
import { callDueAt, type Submission } from '../../../leads/submission.ts';
import { nextEndedOrder } from '../../lead-order.ts';
import type { SubmissionResult } from '../../store.ts';

/** A submission, with the lead that it makes if it can be taken. */
export interface SentSubmission {
  id: string;
  partner_id: number;
  received_at: number;
  type: string;
  mobile: string;
  delays: number;
  content: string;
  lead_id: string;
  accepted_at: number;
  due_at: number;
  idempotency_key: string | null;
  fingerprint: string | null;
  trace: string | null;
}

/** What became of a candidate. */
export interface Decision {
  id: string;
  outcome: SubmissionOutcome;
  leadId: string | null;
}

/** What a candidate came to, now or when it was first sent under its idempotency key. */
export interface StoredResult {
  id: string;
  outcome: SubmissionOutcome | 'idempotency-key-reused';
  leadId: string | null;
  dueAt: number | null;
  isReplay: boolean;
}

export function sentSubmissionOf(submission: Submission, idempotency?: Idempotency): SentSubmission {
  const now = Date.now();
  const { id, partnerId, receivedAt, type, mobile, delays, content } = submission;
  return {
    id,
    partner_id: partnerId,
    received_at: receivedAt,
    type: storable(type),
    mobile,
    delays,
    content,
    lead_id: newIdentifier(now),
    accepted_at: now,
    due_at: callDueAt(submission, now),
    idempotency_key: idempotency?.key ?? null,
    fingerprint: idempotency?.fingerprint ?? null,
    trace: submission.trace ?? null,
  };
}

/**
 * PostgreSQL's text holds every character but U+0000, and JSON for it no half of a surrogate pair. No
 * type has either in its name, so nothing is mistaken for another.
 */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/**
 * The head of a statement that takes the candidates in `$1`, a JSON array, and judges each: the lead of
 * one that can be taken is inserted, and the rule for one beside a standing lead is `outcomeWithActiveLead` of
 * the lead logic. `judged` has a null outcome where nobody can say yet: the lead that stands in the way
 * was committed a moment ago by somebody else, or has just been released since the re-contact period
 * of its type has passed. Such a candidate is to be sent once more.
 *
 * Uniqueness is the index `lead_active`'s work. Leads are inserted in the order of that index, so that
 * two statements that meet never wait for each other. A lateral subquery with a limit keeps the planner
 * from reading a table whole that was small when it last looked.
 *
 * `told` has those whose idempotency key has an answer already; nothing is judged of them.
 */
export const decideSubmissions = `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, received_at bigint, type text, mobile text, delays integer,
      content text, lead_id text, accepted_at bigint, due_at bigint, idempotency_key text, fingerprint text,
      trace text)
  ), recorded AS MATERIALIZED (
    SELECT sent.id, record.fingerprint = sent.fingerprint AS is_same, record.outcome,
      record.lead_id, record.due_at
    FROM sent CROSS JOIN LATERAL (
      SELECT fingerprint, outcome, lead_id, due_at FROM idempotency_record
      WHERE idempotency_record.partner_id = sent.partner_id
        AND idempotency_record.idempotency_key = sent.idempotency_key
      LIMIT 1
    ) AS record
    WHERE sent.idempotency_key IS NOT NULL
  ), matched AS MATERIALIZED (
    SELECT sent.*, granted.type_id, active.id AS active_id,
      active.state = 'dialled' AND active.dialled_at + granted.recontact_after <= sent.accepted_at
        AS may_be_contacted_again, active.state AS active_state
    FROM sent
    LEFT JOIN LATERAL (
      SELECT lead_type.id AS type_id, lead_type.recontact_after
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.name = sent.type AND granted_type.partner_id = sent.partner_id
      LIMIT 1
    ) AS granted ON true
    LEFT JOIN LATERAL (
      SELECT lead.id, lead.state, lead.dialled_at FROM lead
      WHERE lead.mobile = sent.mobile AND lead.type_id = granted.type_id AND lead.ended_order = 0
      LIMIT 1
    ) AS active ON true
    WHERE sent.id NOT IN (SELECT id FROM recorded)
  ), inserted AS (
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, trace)
    SELECT lead_id, type_id, mobile, partner_id, id, 'scheduled', accepted_at, due_at, due_at, trace
    FROM matched WHERE type_id IS NOT NULL AND active_id IS NULL
    ORDER BY mobile COLLATE "C", type_id, lead_id COLLATE "C"
    ON CONFLICT (mobile, type_id, ended_order) DO NOTHING
    RETURNING id, mobile, type_id
  ), ended AS (
    UPDATE lead SET ended_order = ${nextEndedOrder}
    WHERE lead.id = ANY (ARRAY(SELECT active_id FROM matched WHERE may_be_contacted_again))
      AND lead.ended_order = 0 AND lead.state = 'dialled'
  ), decided AS (
    SELECT matched.*, coalesce(inserted.id, matched.active_id) AS met_id,
      CASE
        WHEN matched.type_id IS NULL THEN 'unknown-type'
        WHEN inserted.id = matched.lead_id THEN 'accepted'
        WHEN inserted.id IS NOT NULL OR matched.active_state IN ('scheduled', 'failed') THEN 'already-scheduled'
        WHEN matched.may_be_contacted_again THEN NULL
        WHEN matched.active_id IS NOT NULL THEN 'existing-contact'
      END AS outcome
    FROM matched LEFT JOIN inserted ON inserted.mobile = matched.mobile AND inserted.type_id = matched.type_id
  )`;

/** The caller's part of what became of a candidate. */
export function submittedOf({ outcome, leadId, dueAt, isReplay }: StoredResult): SubmissionResult {
  if (outcome === 'idempotency-key-reused') return { outcome };
  if (outcome !== 'accepted') return { outcome, isReplay };
  if (leadId === null || dueAt === null) throw new Error('A submission was accepted without a lead.');
  return { outcome, leadId, dueAt, isReplay };
}
