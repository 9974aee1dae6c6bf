import type { Idempotency } from '../../../leads/idempotency.ts';
import { newIdentifier } from '../../../leads/identifier.ts';
import { dueTimeOf, type Submission } from '../../../leads/submission.ts';
import { containsConsent } from '../../../leads/submitted-fields.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import { digestsExist } from '../../sql/person-digests.ts';
import { listingsOf } from '../../sql/required-registries.ts';
import { storableText } from '../storable-text.ts';
import { grantedTypeOf } from './granted-type.ts';
import { recordRefusals } from './refusal.ts';
import { replayedRequests } from './replayed.ts';

/** A submission as the statement's parameter, with the lead that it creates if it is accepted. */
export interface SentSubmission {
  id: string;
  partner_id: number;
  key_id: string | null;
  received_at: number;
  type: string;
  mobile: string;
  delays: number;
  content: string;
  new_lead_id: string;
  accepted_at: number;
  due_at: number;
  waits_for: string | null;
  /** Undefined: never. */
  expires_at: number | undefined;
  /** Undefined: 0. */
  priority: number | undefined;
  idempotency_key: string | null;
  fingerprint: string | null;
  trace: string | null;
  /** Whether it contains the person's consent. */
  has_consent: boolean;
  /** Digests of the number. Null: the server knows of none in the store. */
  digests: readonly string[] | null;
}

/**
 * Converts a submission to the statement's parameter.
 *
 * @param digestsOf called each time that it is sent, because the server may have learnt that the store contains digests
 */
export function sentSubmissionOf(
  submission: Submission,
  digestsOf: () => readonly string[] | null,
  idempotency?: Idempotency,
): SentSubmission {
  const now = Date.now();
  const { dueAt, waitsFor } = dueTimeOf(submission, now);
  const { id, partnerId, keyId, receivedAt, type, mobile, delays, content } = submission;
  return {
    id,
    partner_id: partnerId,
    key_id: keyId,
    received_at: receivedAt,
    type: storableText(type),
    mobile,
    delays,
    content,
    new_lead_id: newIdentifier(now),
    accepted_at: now,
    due_at: dueAt,
    waits_for: waitsFor,
    expires_at: submission.expiresAt,
    priority: submission.priority,
    idempotency_key: idempotency?.key ?? null,
    fingerprint: idempotency?.fingerprint ?? null,
    trace: submission.trace ?? null,
    has_consent: containsConsent(content),
    get digests() {
      return digestsOf();
    },
  };
}

/**
 * CTEs that decide on the submissions in `$1`, a JSON array of `SentSubmission`, and create the leads of those that are
 * accepted, and record which entries refused others. They follow `outcomeWithActiveLead` of the lead logic. `decided`
 * contains all submissions except those in `replayed`.
 *
 * The outcome in `decided` is null if it depends on a change that this statement cannot see: another transaction has
 * just committed an active lead, or this one has just superseded a lead whose re-contact period has passed. It is also
 * null if the submission was sent without digests and the store contains some. The caller sends such a submission
 * again.
 *
 * The unique index `lead_active` guarantees one active lead per person and type. Leads are inserted in the order of
 * that index, so two concurrent statements cannot deadlock. LIMIT in a lateral subquery makes the planner use an index
 * even if the table was small at the last ANALYZE.
 */
export const decideSubmissions = `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      id text, partner_id integer, key_id text, received_at bigint, type text, mobile text, delays integer,
      content text, new_lead_id text, accepted_at bigint, due_at bigint, idempotency_key text, fingerprint text,
      trace text, waits_for text, has_consent boolean, digests text[], expires_at bigint, priority smallint)
  ), ${replayedRequests}, matched AS MATERIALIZED (
    SELECT sent.*, granted.type_id, granted.registries, granted.registry_override, active.id AS active_id,
      active.state = 'dialled' AND active.dialled_at + granted.recontact_after <= sent.accepted_at
        AS may_be_contacted_again, active.state AS active_state,
      suppressed.is_suppressed IS NOT NULL OR erased.is_suppressed IS NOT NULL OR (
        granted.registries IS NOT NULL AND NOT (granted.registry_override AND sent.has_consent)
        AND coalesce((${listingsOf('= ANY (array_prepend(sent.mobile, sent.digests))', 'granted.registries')} LIMIT 1) = 1, false)
      ) AS is_suppressed,
      contacted.dialled_at IS NOT NULL AND (
        granted.recontact_after IS NULL OR contacted.dialled_at + granted.recontact_after > sent.accepted_at)
        AS was_contacted,
      sent.digests IS NULL AND (SELECT ${digestsExist}) AS lacks_digests
    FROM sent
    LEFT JOIN ${grantedTypeOf('sent')} AS granted ON granted.accepts_leads
    LEFT JOIN LATERAL (
      SELECT lead.id, lead.state, lead.dialled_at FROM lead
      WHERE lead.mobile = sent.mobile AND lead.type_id = granted.type_id AND lead.ended_order = 0
      LIMIT 1
    ) AS active ON true
    LEFT JOIN LATERAL (
      SELECT true AS is_suppressed FROM suppression
      WHERE suppression.mobile = sent.mobile AND suppression.type_id IN (0, granted.type_id)
      LIMIT 1
    ) AS suppressed ON granted.type_id IS NOT NULL
    LEFT JOIN LATERAL (
      SELECT true AS is_suppressed FROM suppression
      WHERE suppression.mobile = ANY (sent.digests) AND suppression.type_id IN (0, granted.type_id)
      LIMIT 1
    ) AS erased ON granted.type_id IS NOT NULL
    LEFT JOIN LATERAL (
      SELECT contacted_person.dialled_at FROM contacted_person
      WHERE contacted_person.digest = ANY (sent.digests) AND contacted_person.type_id = granted.type_id
      ORDER BY contacted_person.dialled_at DESC LIMIT 1
    ) AS contacted ON granted.type_id IS NOT NULL
    WHERE sent.id NOT IN (SELECT id FROM replayed)
  ), inserted AS (
    INSERT INTO lead
      (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, trace, waits_for,
       expires_at, priority)
    SELECT new_lead_id, type_id, mobile, partner_id, id, 'scheduled', accepted_at, due_at, due_at, trace, waits_for,
      expires_at, coalesce(priority, 0)
    FROM matched
    WHERE type_id IS NOT NULL AND active_id IS NULL AND NOT (is_suppressed OR was_contacted OR lacks_digests)
    ORDER BY mobile COLLATE "C", type_id, new_lead_id COLLATE "C"
    ON CONFLICT (mobile, type_id, ended_order) DO NOTHING
    RETURNING id, mobile, type_id
  ), ${recordRefusals}, superseded AS (
    UPDATE lead SET ended_order = ${nextEndedOrder}
    WHERE lead.id = ANY (ARRAY(SELECT active_id FROM matched
        WHERE may_be_contacted_again AND NOT (is_suppressed OR lacks_digests)))
      AND lead.ended_order = 0 AND lead.state = 'dialled'
  ), decided AS (
    SELECT matched.*, CASE WHEN NOT matched.is_suppressed THEN coalesce(inserted.id, matched.active_id) END AS lead_id,
      CASE
        WHEN matched.type_id IS NULL THEN 'unknown-type'
        WHEN matched.lacks_digests THEN NULL
        WHEN matched.is_suppressed THEN 'do-not-call'
        WHEN inserted.id = matched.new_lead_id THEN 'accepted'
        WHEN inserted.id IS NOT NULL OR matched.active_state IN ('scheduled', 'held', 'withdrawing', 'failed') THEN 'already-scheduled'
        WHEN matched.may_be_contacted_again THEN NULL
        WHEN matched.active_id IS NOT NULL OR matched.was_contacted THEN 'existing-contact'
      END AS outcome
    FROM matched LEFT JOIN inserted ON inserted.mobile = matched.mobile AND inserted.type_id = matched.type_id
  )`;
