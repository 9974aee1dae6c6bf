import type { Idempotency } from '../../leads/idempotency.ts';
import { newIdentifier } from '../../leads/identifier.ts';
import type { SubmissionOutcome } from '../../leads/lead.ts';
import { callDueAt, type Submission } from '../../leads/submission.ts';
import { nextReleased } from '../lead-order.ts';
import type { Submitted } from '../store.ts';

/** A submission, with the lead that it makes if it can be taken. */
export interface Candidate {
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
export interface Judged {
  id: string;
  outcome: SubmissionOutcome;
  leadId: string | null;
}

/** What a candidate came to, now or when it was first sent under its idempotency key. */
export interface Told {
  id: string;
  outcome: SubmissionOutcome | 'key-used-otherwise';
  leadId: string | null;
  dueAt: number | null;
  isReplay: boolean;
}

export function candidateOf(submission: Submission, idempotency?: Idempotency): Candidate {
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
 * one that can be taken is inserted, and the rule for one beside a standing lead is `outcomeBeside` of
 * the lead logic. `judged` has a null outcome where nobody can say yet: the lead that stands in the way
 * was committed a moment ago by somebody else, or has just been released since the re-contact period
 * of its type has passed. Such a candidate is to be sent once more.
 *
 * Uniqueness is the index `lead_standing`'s work. Leads are inserted in the order of that index, so that
 * two statements that meet never wait for each other. A lateral subquery with a limit keeps the planner
 * from reading a table whole that was small when it last looked.
 *
 * `told` has those whose idempotency key has an answer already; nothing is judged of them.
 */
export const judgedCandidates = `
  WITH candidate AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, received_at bigint, type text, mobile text, delays integer,
      content text, lead_id text, accepted_at bigint, due_at bigint, idempotency_key text, fingerprint text,
      trace text)
  ), told AS MATERIALIZED (
    SELECT candidate.id, answer.fingerprint = candidate.fingerprint AS is_same, answer.outcome,
      answer.lead_id, answer.due_at
    FROM candidate CROSS JOIN LATERAL (
      SELECT fingerprint, outcome, lead_id, due_at FROM kept_answer
      WHERE kept_answer.partner_id = candidate.partner_id
        AND kept_answer.idempotency_key = candidate.idempotency_key
      LIMIT 1
    ) AS answer
    WHERE candidate.idempotency_key IS NOT NULL
  ), typed AS MATERIALIZED (
    SELECT candidate.*, granted.type_id, standing.id AS standing_id,
      standing.state = 'dialled' AND standing.dialled_at + granted.recontact_after <= candidate.accepted_at
        AS may_be_contacted_again, standing.state AS standing_state
    FROM candidate
    LEFT JOIN LATERAL (
      SELECT lead_type.id AS type_id, lead_type.recontact_after
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.name = candidate.type AND granted_type.partner_id = candidate.partner_id
      LIMIT 1
    ) AS granted ON true
    LEFT JOIN LATERAL (
      SELECT lead.id, lead.state, lead.dialled_at FROM lead
      WHERE lead.mobile = candidate.mobile AND lead.type_id = granted.type_id AND lead.released = 0
      LIMIT 1
    ) AS standing ON true
    WHERE candidate.id NOT IN (SELECT id FROM told)
  ), made AS (
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_try_at, trace)
    SELECT lead_id, type_id, mobile, partner_id, id, 'scheduled', accepted_at, due_at, due_at, trace
    FROM typed WHERE type_id IS NOT NULL AND standing_id IS NULL
    ORDER BY mobile COLLATE "C", type_id, lead_id COLLATE "C"
    ON CONFLICT (mobile, type_id, released) DO NOTHING
    RETURNING id, mobile, type_id
  ), released AS (
    UPDATE lead SET released = ${nextReleased}
    WHERE lead.id = ANY (ARRAY(SELECT standing_id FROM typed WHERE may_be_contacted_again))
      AND lead.released = 0 AND lead.state = 'dialled'
  ), judged AS (
    SELECT typed.*, coalesce(made.id, typed.standing_id) AS met_id,
      CASE
        WHEN typed.type_id IS NULL THEN 'unknown-type'
        WHEN made.id = typed.lead_id THEN 'accepted'
        WHEN made.id IS NOT NULL OR typed.standing_state IN ('scheduled', 'failed') THEN 'already-scheduled'
        WHEN typed.may_be_contacted_again THEN NULL
        WHEN typed.standing_id IS NOT NULL THEN 'existing-contact'
      END AS outcome
    FROM typed LEFT JOIN made ON made.mobile = typed.mobile AND made.type_id = typed.type_id
  )`;

/** The caller's part of what became of a candidate. */
export function submittedOf({ outcome, leadId, dueAt, isReplay }: Told): Submitted {
  if (outcome === 'key-used-otherwise') return { outcome };
  if (outcome !== 'accepted') return { outcome, isReplay };
  if (leadId === null || dueAt === null) throw new Error('A submission was accepted without a lead.');
  return { outcome, leadId, dueAt, isReplay };
}
