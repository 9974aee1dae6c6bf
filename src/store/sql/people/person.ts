import { fingerprintsOf } from '../../../leads/idempotency.ts';
import type { PersonKey } from '../../people.ts';
import { sentFor } from '../sent-for.ts';
import { type SqlValue, statement } from '../statement.ts';

/** A lead of a person. */
export interface PersonLead {
  id: string;
  isClaimed: boolean;
  /** Whether its type withdraws leads from the dialler. */
  typeWithdraws: boolean;
  /** Whether the dialler has it, or may have it. */
  mayBeAtDialler: boolean;
}

/** The leads for the number, and those that the other submissions have created. */
export const leadsOfPerson = statement<PersonLead>(
  'leads_of_person',
  ({ lock, inList, inQuery }) => `
    SELECT id, claim IS NOT NULL AS "isClaimed",
      (SELECT withdraws FROM lead_type WHERE lead_type.id = lead.type_id) AS "typeWithdraws",
      (state = 'dialled' OR may_have_arrived) AND NOT EXISTS (
        SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id AND withdrawal.outcome = 'withdrawn')
      OR EXISTS (
        SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id AND (withdrawal.repeat_at IS NOT NULL
          OR withdrawal.outcome IS NULL AND lead.state IN ('cancelled', 'suppressed')))
        AS "mayBeAtDialler"
    FROM lead
    WHERE accepted_at <= $3 AND id ${inQuery(`
      SELECT lead.id FROM lead WHERE lead.mobile = $1
      UNION ALL SELECT lead.id FROM submission JOIN lead ON lead.id = submission.lead_id
        WHERE submission.id ${inList('$2')} AND lead.submission_id = submission.id
      UNION ALL SELECT lead.id FROM rerun JOIN lead ON lead.id = rerun.lead_id
        WHERE rerun.submission_id ${inList('$2')} AND lead.submission_id = rerun.submission_id`)}
    ORDER BY id ${lock('lead')}`,
  { isClaimed: true, typeWithdraws: true, mayBeAtDialler: true },
);

interface PersonSubmission {
  id: string;
  kind: 'add' | 'cancel';
  content: string;
}

/** Condition: whether a submission was received in time, and has not created a lead later. */
const isInTime = `
  submission.received_at <= $3 AND NOT EXISTS (
    SELECT 1 FROM lead AS later
    WHERE later.id = submission.lead_id AND later.submission_id = submission.id AND later.accepted_at > $3)`;

/** The submissions and cancellations for the number, and the other submissions. */
export const submissionsOfPerson = statement<PersonSubmission>(
  'submissions_of_person',
  (dialect) => `
    SELECT id, kind, content FROM submission WHERE ${sentFor('$1', dialect)} AND ${isInTime}
    UNION SELECT id, kind, content FROM submission WHERE id ${dialect.inList('$2')} AND ${isInTime}`,
);

/** Returns the values of the parameters of both statements. */
export function keyValues({ mobile, otherSubmissions, receivedUntil }: PersonKey): SqlValue[] {
  return [mobile, otherSubmissions, receivedUntil ?? Number.MAX_SAFE_INTEGER];
}

/** What identifies the rows of a person. */
export interface Scope extends PersonKey {
  leadIds: readonly string[];
  submissionIds: readonly string[];
  /** Fingerprints of the requests of the submissions. */
  fingerprints: readonly string[];
  digests: readonly string[];
}

/** Returns what identifies the rows of a person. @param digests of the person's number */
export function scopeOf(
  person: PersonKey,
  leads: readonly PersonLead[],
  submissions: readonly PersonSubmission[],
  digests: readonly string[],
): Scope {
  return {
    ...person,
    leadIds: leads.map(({ id }) => id),
    submissionIds: submissions.map(({ id }) => id),
    fingerprints: submissions.flatMap(({ kind, content }) =>
      fingerprintsOf(kind === 'add' ? 'addLead' : 'cancelLead', content),
    ),
    digests,
  };
}
