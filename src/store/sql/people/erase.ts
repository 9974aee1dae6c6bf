import type { StoreKey } from '../../keys/store-key.ts';
import type { DiallerRecord, Erasure, ErasureResult, PersonKey } from '../../people.ts';
import { audit } from '../audit.ts';
import { type Change, run } from '../database.ts';
import { rewindChain } from '../evidence/chain.ts';
import { removeEvidenceOf } from '../evidence/removal.ts';
import { attemptId } from '../evidence/sources.ts';
import { statement } from '../statement.ts';
import { digestEntriesOf } from '../suppression-digests.ts';
import { recordErasures } from './erasures.ts';
import { keyValues, leadsOfPerson, type Scope, scopeOf, submissionsOfPerson } from './person.ts';
import { onRowsOf, personalTables, valuesFor } from './personal-rows.ts';

/** Other people's submissions can refer to a lead that an erased submission has created. */
const detachSubmissions = statement(
  'detach_submissions',
  ({ inList }) =>
    `UPDATE submission SET lead_id = NULL WHERE lead_id ${inList('$1')} AND NOT id ${inList('$2')}`,
);

const detachReruns = statement(
  'detach_reruns',
  ({ inList }) => `
    UPDATE rerun SET lead_id = NULL WHERE lead_id ${inList('$1')} AND NOT submission_id ${inList('$2')}`,
);

const diallerRecords = statement<DiallerRecord>(
  'dialler_records_of',
  ({ inList }) => `
    SELECT attempt.lead_id AS "leadId", coalesce(nullif(withdrawal.response, ''), attempt.response) AS response
    FROM attempt LEFT JOIN withdrawal ON withdrawal.lead_id = attempt.lead_id AND withdrawal.outcome IS NOT NULL
    WHERE attempt.lead_id ${inList('$1')} AND attempt.id = (
      SELECT max(latest.id) FROM attempt AS latest
      WHERE latest.lead_id = attempt.lead_id AND latest.outcome IN ('delivered', 'unknown'))
    ORDER BY attempt.lead_id`,
);

const missingEvidence = statement(
  'missing_evidence_of',
  ({ inList }) => `
    SELECT 1 FROM submission WHERE id ${inList('$1')} AND NOT EXISTS (
      SELECT 1 FROM evidence WHERE evidence.source = 'submission' AND evidence.source_id = submission.id)
    UNION ALL SELECT 1 FROM attempt WHERE lead_id ${inList('$2')} AND NOT EXISTS (
      SELECT 1 FROM evidence WHERE evidence.source = 'attempt' AND evidence.source_id = ${attemptId})
    UNION ALL SELECT 1 FROM evidence_pending WHERE mobile = $3
    LIMIT 1`,
);

/** Returns whether rows that are about to be erased are not in the chain of evidence yet. */
function* isEvidenceMissing({ submissionIds, leadIds, mobile }: Scope): Change<boolean> {
  return (yield* run(missingEvidence, submissionIds, leadIds, mobile)).length > 0;
}

const deletePendingOf = statement('delete_pending_of', 'DELETE FROM evidence_pending WHERE mobile = $1');

/** Erases what is held about a person (see `People.erasePerson`). */
export function* erasePerson(
  person: PersonKey,
  erasure: Erasure,
  digests: readonly string[],
  storeKey: StoreKey | undefined,
): Change<ErasureResult> {
  const leads = yield* run(leadsOfPerson, ...keyValues(person));
  const inFlight = leads.filter(({ isClaimed }) => isClaimed).map(({ id }) => id);
  const nothing = { atDialler: [], diallerRecords: [], erased: {} };
  if (inFlight.length > 0) return { inFlight, isEvidenceMissing: false, ...nothing };
  const submissions = yield* run(submissionsOfPerson, ...keyValues(person));
  const scope = scopeOf(person, leads, submissions, [erasure.digest, ...digests]);
  const reason = erasure.evidenceReason;
  if (reason === null && (yield* isEvidenceMissing(scope))) {
    return { inFlight, isEvidenceMissing: true, ...nothing };
  }
  const records = yield* run(diallerRecords, scope.leadIds);
  yield* run(detachSubmissions, scope.leadIds, scope.submissionIds);
  yield* run(detachReruns, scope.leadIds, scope.submissionIds);
  const erased: Record<string, number> = {};
  for (const table of personalTables.toReversed()) {
    if (table.personal.erased !== 'deleted') continue;
    const [key] = table.columns;
    const deleteRows = onRowsOf(
      table,
      (where) => `DELETE FROM ${table.name} WHERE ${where} RETURNING ${key}`,
    );
    erased[table.name] = (yield* run(deleteRows, ...valuesFor(table.personal, scope))).length;
  }
  yield* digestEntriesOf(person, erasure.digest);
  yield* rewindChain();
  if (reason !== null) {
    // After an earlier erasure, evidence was recorded under the digest.
    for (const number of new Set([person.mobile, erasure.digest, ...digests])) {
      yield* run(deletePendingOf, number);
      yield* removeEvidenceOf(number, reason, storeKey);
    }
  }
  yield* recordErasures([erasure]);
  yield* audit({ kind: 'person', id: erasure.digest }, undefined, { erased: true, evidence_reason: reason });
  const atDialler = leads.filter(({ mayBeAtDialler }) => mayBeAtDialler).map(({ id }) => id);
  return { inFlight, isEvidenceMissing: false, atDialler, diallerRecords: records, erased };
}
