import type { AttemptOutcome } from '../../../leads/attempt.ts';
import { localTimes } from '../../../leads/calling-hours/zone-set.ts';
import type { DeliveryBasis } from '../../../leads/delivery-basis.ts';
import { otherNumberOf } from '../../../leads/submitted-fields.ts';
import type { AppendTerms, EvidenceEntry } from '../../evidence/evidence.ts';
import { type Change, run } from '../database.ts';
import { statement } from '../statement.ts';
import { deletePending, selectPending } from './pending.ts';

/** Evidence of a row that is not in the chain yet. */
export type Unchained = Pick<
  EvidenceEntry,
  'kind' | 'source' | 'sourceId' | 'mobile' | 'otherMobile' | 'happenedAt' | 'content'
>;

/** Rows of a table that are added to the chain, and the number of the last one. */
export interface SourceRows {
  entries: Unchained[];
  /** Undefined: there are none. */
  last: number | undefined;
}

interface SubmissionRow {
  id: string;
  sequence: number;
  kind: 'add' | 'cancel';
  partner: string;
  keyId: string | null;
  receivedAt: number;
  type: string;
  mobile: string;
  outcome: string;
  leadId: string | null;
  content: string;
}

const unchainedSubmissions = statement<SubmissionRow>(
  'unchained_submissions',
  `SELECT submission.id, submission.sequence, submission.kind, partner.name AS partner, submission.key_id AS "keyId",
     submission.received_at AS "receivedAt", submission.type, submission.mobile, submission.outcome,
     submission.lead_id AS "leadId", submission.content
   FROM submission JOIN partner ON partner.id = submission.partner_id
   WHERE submission.sequence > $1 AND NOT EXISTS (
     SELECT 1 FROM evidence WHERE evidence.source = 'submission' AND evidence.source_id = submission.id)
   ORDER BY submission.sequence LIMIT $2`,
);

/** Reads requests that are not in the chain yet. @param after number up to which all are in the chain */
export function* submissionsAfter(after: number, terms: AppendTerms): Change<SourceRows> {
  const rows = yield* run(unchainedSubmissions, after, terms.limit);
  return { entries: rows.map((row) => entryOfSubmission(row, terms)), last: rows.at(-1)?.sequence };
}

function entryOfSubmission(row: SubmissionRow, { parsePhone }: AppendTerms): Unchained {
  const { id, kind, partner, keyId, receivedAt, type, mobile, outcome, leadId, content } = row;
  return {
    kind: kind === 'add' ? 'request' : 'cancellation',
    source: 'submission',
    sourceId: id,
    mobile,
    otherMobile: otherNumberOf(content, parsePhone) ?? null,
    happenedAt: receivedAt,
    content: JSON.stringify({ partner, key_id: keyId, type, outcome, lead_id: leadId, request: content }),
  };
}

interface AttemptRow {
  id: number;
  sourceId: string;
  leadId: string;
  submissionId: string;
  partner: string;
  type: string;
  mobile: string;
  dueAt: number;
  startedAt: number;
  endedAt: number;
  outcome: AttemptOutcome;
  response: string;
  basis: string | null;
  /** The request; null: it was removed. */
  request: string | null;
}

/** Identifies an attempt for good: SQLite gives the number of one that was removed to another. */
export const attemptId =
  "attempt.lead_id || ' ' || attempt.started_at || ' ' || attempt.ended_at || ' ' || attempt.outcome";

const unchainedAttempts = statement<AttemptRow>(
  'unchained_attempts',
  `SELECT attempt.id, ${attemptId} AS "sourceId", attempt.lead_id AS "leadId", lead.submission_id AS "submissionId", partner.name AS partner,
     lead_type.name AS type, lead.mobile, lead.due_at AS "dueAt", attempt.started_at AS "startedAt",
     attempt.ended_at AS "endedAt", attempt.outcome, attempt.response, attempt.basis, submission.content AS request
   FROM attempt JOIN lead ON lead.id = attempt.lead_id
   JOIN partner ON partner.id = lead.partner_id JOIN lead_type ON lead_type.id = lead.type_id
   LEFT JOIN submission ON submission.id = lead.submission_id
   WHERE attempt.id > $1 AND NOT EXISTS (
     SELECT 1 FROM evidence WHERE evidence.source = 'attempt' AND evidence.source_id = ${attemptId})
   ORDER BY attempt.id LIMIT $2`,
);

/** Reads attempts that are not in the chain yet. @param after number up to which all are in the chain */
export function* attemptsAfter(after: number, terms: AppendTerms): Change<SourceRows> {
  const rows = yield* run(unchainedAttempts, after, terms.limit);
  return { entries: rows.map((row) => entryOfAttempt(row, terms)), last: rows.at(-1)?.id };
}

function entryOfAttempt(row: AttemptRow, { parsePhone }: AppendTerms): Unchained {
  const { sourceId, mobile, request, basis } = row;
  return {
    kind: 'delivery',
    source: 'attempt',
    sourceId,
    mobile,
    otherMobile: request === null ? null : (otherNumberOf(request, parsePhone) ?? null),
    happenedAt: row.startedAt,
    content: JSON.stringify({
      lead_id: row.leadId,
      submission_id: row.submissionId,
      partner: row.partner,
      type: row.type,
      due_at: row.dueAt,
      started_at: row.startedAt,
      ended_at: row.endedAt,
      outcome: row.outcome,
      response: row.response,
      basis: basis === null ? null : withLocalTime(JSON.parse(basis), row.startedAt),
    }),
  };
}

/** Adds the person's local time to the basis of a delivery: computing it when it is sent would delay it. */
function withLocalTime(basis: DeliveryBasis, time: number): object {
  return basis.zones === undefined ? basis : { ...basis, local_time: localTimes(time, basis.zones) };
}

/** Takes pending evidence, which is deleted in the same transaction. */
export function* takePending({ limit }: AppendTerms): Change<Unchained[]> {
  const rows = yield* run(selectPending, limit);
  if (rows.length === 0) return [];
  yield* run(
    deletePending,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, kind, mobile, happenedAt, content }) => ({
    kind,
    source: 'evidence_pending',
    sourceId: id,
    mobile,
    otherMobile: null,
    happenedAt,
    content,
  }));
}
