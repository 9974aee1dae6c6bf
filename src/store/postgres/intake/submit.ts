import type { SubmissionOutcome } from '../../../leads/lead.ts';
import type { SubmissionResult } from '../../intake.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import { digestsExist } from '../../sql/person-digests.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import type { LeadNotifications } from '../notifications.ts';
import { decideSubmissions, type SentSubmission } from './decide.ts';
import { writeBatch } from './write-batch.ts';

/** Decides on the submissions in `$1` and saves them (see README.md). Returns no row for those to be sent again. */
export const submit = writeStatement(
  'submit',
  `${decideSubmissions}, saved AS (
      INSERT INTO submission (id, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id)
      SELECT id, partner_id, key_id, received_at, type, mobile, delays, content, outcome, lead_id
      FROM decided WHERE outcome IS NOT NULL
    ), recorded AS (
      INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, recorded_at)
      SELECT partner_id, idempotency_key, fingerprint, outcome,
        CASE outcome WHEN 'accepted' THEN lead_id END, CASE outcome WHEN 'accepted' THEN due_at END, accepted_at
      FROM decided WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
    )
    SELECT id, outcome, lead_id AS "leadId", due_at AS "dueAt", false AS "isReplay"
    FROM decided WHERE outcome IS NOT NULL AND ${isCurrent}
    UNION ALL
    SELECT id, CASE WHEN is_same_request THEN outcome ELSE 'idempotency-key-reused' END, lead_id, due_at, true
    FROM replayed`,
);

/** Reads the results of those submissions in `$1` that are already saved. */
export const savedSubmissions: Statement = {
  name: 'saved_submissions',
  text: `
    SELECT submission.id, submission.outcome, lead_id AS "leadId", sent.due_at AS "dueAt", false AS "isReplay"
    FROM json_to_recordset($1::json) AS sent (id text, due_at bigint)
    JOIN submission ON submission.id = sent.id`,
};

export const digestsExistNow: Statement = {
  name: 'submit_digests_exist',
  text: `SELECT ${digestsExist} AS exist`,
};

/** A row of either statement. */
export interface SubmissionRow {
  id: string;
  outcome: SubmissionOutcome | 'idempotency-key-reused';
  leadId: string | null;
  dueAt: number | null;
  isReplay: boolean;
}

/** Returns a function that stores a batch of submissions and notifies dispatchers of the leads that it created. */
export function submitter(
  database: PostgresDatabase,
  digests: PersonDigests,
  notifications: LeadNotifications,
): (entries: readonly Entry<SentSubmission, SubmissionResult>[]) => Promise<void> {
  return (entries) =>
    writeBatch(database, entries, {
      write: (sent) => database.write<SubmissionRow>(submit, [sent]),
      async beforeRepeat() {
        digests.areUsed = (await database.read<{ exist: boolean }>(digestsExistNow, []))[0]?.exist ?? false;
      },
      readSaved: (sent) => database.runOnce<SubmissionRow>(savedSubmissions, [sent]),
      toResult(row) {
        const result = resultOf(row);
        if (result.outcome === 'accepted' && !result.isReplay) notifications.announce(result.dueAt);
        return result;
      },
    });
}

/** Converts a row to the result of its submission. */
export function resultOf({ outcome, leadId, dueAt, isReplay }: SubmissionRow): SubmissionResult {
  if (outcome === 'idempotency-key-reused') return { outcome };
  if (outcome !== 'accepted') return { outcome, isReplay };
  if (leadId === null || dueAt === null) throw new Error('A submission was accepted without a lead.');
  return { outcome, leadId, dueAt, isReplay };
}
