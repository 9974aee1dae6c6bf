import type { DatabaseSync } from 'node:sqlite';
import type { Idempotency } from '../../leads/idempotency.ts';
import { newIdentifier } from '../../leads/identifier.ts';
import {
  type ActiveLead,
  type CancellationOutcome,
  type LeadStatus,
  outcomeWithActiveLead,
  type SubmissionOutcome,
} from '../../leads/lead.ts';
import { callDueAt, type Submission } from '../../leads/submission.ts';
import type { KeyHolder } from '../../partners/partner.ts';
import { latestFirst, nextEndedOrder } from '../lead-order.ts';
import { type LimitColumns, limitOf } from '../limit-columns.ts';
import type { Cancelled, Intake, SubmissionResult } from '../store.ts';
import { sqliteCancel } from './cancellations.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import type { FindGrantedType } from './granted-types.ts';
import { type IdempotencyRecord, sqliteIdempotencyRecords } from './idempotency-records.ts';
import { Query } from './query.ts';

/** What became of a submission, and the lead that it made or that stood in its way. */
export type Taken =
  | { outcome: 'accepted'; leadId: string; dueAt: number }
  | { outcome: Exclude<SubmissionOutcome, 'accepted'>; leadId: string | null };

/** Makes the lead of a submission where it can be taken. It runs inside a transaction of its caller. */
export type Take = (submission: Submission) => Taken;

export function sqliteTake(database: DatabaseSync, grantedType: FindGrantedType): Take {
  const insertLead = new Query(
    database,
    `INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, trace)
     VALUES (?1, ?2, ?3, ?4, ?5, 'scheduled', ?6, ?7, ?7, ?8)
     ON CONFLICT (mobile, type_id, ended_order) DO NOTHING`,
  );
  const standingLead = new Query<ActiveLead & { id: string }>(
    database,
    `SELECT id, state, dialled_at AS dialledAt FROM lead WHERE mobile = ? AND type_id = ? AND ended_order = 0`,
  );
  const release = new Query(database, `UPDATE lead SET ended_order = ${nextEndedOrder} WHERE id = ?`);

  return (submission) => {
    const type = grantedType(submission.type, submission.partnerId);
    if (type === undefined) return { outcome: 'unknown-type', leadId: null };
    const { mobile, trace = null } = submission;
    const now = Date.now();
    const leadId = newIdentifier(now);
    const dueAt = callDueAt(submission, now);
    const insert = () =>
      insertLead.run(leadId, type.id, mobile, submission.partnerId, submission.id, now, dueAt, trace);
    if (insert() === 1) return { outcome: 'accepted', leadId, dueAt };

    const standing = standingLead.first(mobile, type.id);
    if (standing === undefined) throw new Error('The store refused a lead for one that does not stand.');
    const outcome = outcomeWithActiveLead(standing, type.recontactAfter, now);
    if (outcome !== 'accepted') return { outcome, leadId: standing.id };
    release.run(standing.id);
    insert();
    return { outcome, leadId, dueAt };
  };
}

export function sqliteIntake(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
  take: Take,
): Intake {
  const keys = queue.cache<KeyHolder>();
  const keyHolder = new Query<
    { keyId: string; digest: string; partnerId: number; partnerName: string } & LimitColumns
  >(
    database,
    `SELECT api_key.id AS keyId, digest, partner.id AS partnerId, partner.name AS partnerName,
       rate_limit AS rateLimit, rate_burst AS rateBurst
     FROM api_key JOIN partner ON partner.id = api_key.partner_id
     WHERE digest = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
  );
  const insertSubmission = new Query(
    database,
    `INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const lastLead = new Query<LeadStatus>(
    database,
    `SELECT state, accepted_at AS acceptedAt, due_at AS dueAt, dialled_at AS dialledAt FROM lead
     WHERE mobile = ? AND type_id = ? AND partner_id = ? ORDER BY ${latestFirst} LIMIT 1`,
  );

  const cancel = sqliteCancel(database, grantedType);
  const answers = sqliteIdempotencyRecords(database);

  function save(submission: Submission): Taken {
    const taken = take(submission);
    const { id, partnerId, receivedAt, type, mobile, delays, content } = submission;
    const { outcome, leadId } = taken;
    insertSubmission.run(id, partnerId, receivedAt, type, mobile, delays, content, outcome, leadId);
    return taken;
  }

  return {
    keyHolder(digest) {
      return keys.get(digest, () => {
        const row = keyHolder.first(digest, Date.now());
        if (row === undefined) return undefined;
        const partner = { id: row.partnerId, name: row.partnerName };
        return { keyId: row.keyId, digest: row.digest, partner, limit: limitOf(row) };
      });
    },

    async isGranted(partnerId, type) {
      return grantedType(type, partnerId) !== undefined;
    },

    submit(submission, idempotency) {
      if (idempotency === undefined) return queue.write(() => submittedOf(save(submission), false));
      const { partnerId } = submission;
      return queue.write(() => {
        const response = answers.find(partnerId, idempotency.key);
        if (response !== undefined) {
          return isOther(response, idempotency) ? idempotencyKeyReused : submittedOf(takenAs(response), true);
        }
        const taken = save(submission);
        const dueAt = taken.outcome === 'accepted' ? taken.dueAt : null;
        answers.keep(partnerId, idempotency, { outcome: taken.outcome, leadId: taken.leadId, dueAt });
        return submittedOf(taken, false);
      });
    },

    cancel(cancellation, idempotency) {
      if (idempotency === undefined) {
        return queue.write(() => ({ outcome: cancel(cancellation), isReplay: false }));
      }
      const { partnerId } = cancellation;
      return queue.write<Cancelled>(() => {
        const response = answers.find(partnerId, idempotency.key);
        if (response !== undefined) {
          if (isOther(response, idempotency)) return idempotencyKeyReused;
          // The cast: the fingerprint tells that the answer is one to a request to cancel.
          return { outcome: response.outcome as CancellationOutcome, isReplay: true };
        }
        const outcome = cancel(cancellation);
        answers.keep(partnerId, idempotency, { outcome, leadId: null, dueAt: null });
        return { outcome, isReplay: false };
      });
    },

    async leadStatus({ partnerId, type, mobile }) {
      return queue.read(() => {
        const granted = grantedType(type, partnerId);
        return granted && lastLead.first(mobile, granted.id, partnerId);
      });
    },
  };
}

const idempotencyKeyReused = { outcome: 'idempotency-key-reused' } as const;

function isOther(response: IdempotencyRecord, { fingerprint }: Idempotency): boolean {
  return response.fingerprint !== fingerprint;
}

function takenAs({ outcome, leadId, dueAt }: IdempotencyRecord): Taken {
  // The cast: what is kept is what `keep` was given, and the fingerprint tells that it was a submission.
  return { outcome, leadId, dueAt } as Taken;
}

function submittedOf(taken: Taken, isReplay: boolean): SubmissionResult {
  if (taken.outcome !== 'accepted') return { outcome: taken.outcome, isReplay };
  return { outcome: taken.outcome, leadId: taken.leadId, dueAt: taken.dueAt, isReplay };
}
