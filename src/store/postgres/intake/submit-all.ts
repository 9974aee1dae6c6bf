import {
  type BulkIdempotency,
  type BulkResult,
  bulkOutcome,
  replayOf,
  type SubmissionResult,
} from '../../intake.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Run, Statement } from '../connection/database.ts';
import { isIdempotencyConflict } from '../connection/errors.ts';
import { isCurrent } from '../connection/schema-version.ts';
import type { LeadNotifications } from '../notifications.ts';
import type { SentSubmission } from './decide.ts';
import { digestsExistNow, resultOf, type SubmissionRow, savedSubmissions, submit } from './submit.ts';

/** The submissions of one request. */
export interface BulkSubmission {
  sent: readonly SentSubmission[];
  partnerId: number;
  idempotency: BulkIdempotency | undefined;
}

const findRecord: Statement = {
  name: 'bulk_record',
  text: `
    SELECT fingerprint, response FROM idempotency_record
    WHERE partner_id = $1 AND idempotency_key = $2 AND ${isCurrent}`,
};

const insertRecord: Statement = {
  name: 'insert_bulk_record',
  text: `
    INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, response, recorded_at)
    SELECT $1, $2, $3, '${bulkOutcome}', $4, $5 WHERE ${isCurrent}`,
};

/**
 * Returns a function that stores the submissions of requests, each request in one transaction, and notifies dispatchers
 * of the leads that it created.
 */
export function bulkSubmitter(
  database: PostgresDatabase,
  digests: PersonDigests,
  notifications: LeadNotifications,
): (entries: readonly Entry<BulkSubmission, BulkResult>[]) => Promise<void> {
  const run = async (request: BulkSubmission) => {
    const result = await submitAll(database, digests, request);
    for (const each of result.outcome === 'saved' ? result.results : []) {
      if (each.outcome === 'accepted') notifications.announce(each.dueAt);
    }
    return result;
  };
  return async (entries) => {
    for (const { input, resolve, reject } of entries) await run(input).then(resolve, reject);
  };
}

/** Stores the submissions of a request exactly once (see README.md). */
function submitAll(
  database: PostgresDatabase,
  digests: PersonDigests,
  request: BulkSubmission,
): Promise<BulkResult> {
  return database.withRetries(async ({ mayHaveCommitted }) => {
    const attempt = () =>
      database.transactionOnce<BulkResult>(async (run) => {
        const replay = await replayed(run, request);
        // The record may be that of the lost attempt, so this is read after it.
        const saved = mayHaveCommitted ? await readSaved(run, request) : undefined;
        return saved ?? replay ?? saveAll(run, digests, request);
      });
    try {
      return await attempt();
    } catch (error) {
      if (!isIdempotencyConflict(error)) throw error;
      // Another server has just recorded the key: its record is replayed.
      return attempt();
    }
  });
}

/** Returns the results of an attempt whose outcome was unknown. Undefined: it saved nothing. */
async function readSaved(run: Run, { sent }: BulkSubmission): Promise<BulkResult | undefined> {
  const rows = await run<SubmissionRow>(savedSubmissions, [JSON.stringify(sent)]);
  return rows.length === 0 ? undefined : { outcome: 'saved', results: inOrder(sent, rows) };
}

/** Returns the result of an earlier request with the idempotency key. Undefined: there is none. */
async function replayed(
  run: Run,
  { partnerId, idempotency }: BulkSubmission,
): Promise<BulkResult | undefined> {
  if (idempotency === undefined) return undefined;
  const { key, fingerprint } = idempotency;
  const [record] = await run<{ fingerprint: string; response: string | null }>(findRecord, [partnerId, key]);
  return record && replayOf(record, fingerprint);
}

async function saveAll(
  run: Run,
  digests: PersonDigests,
  { sent, partnerId, idempotency }: BulkSubmission,
): Promise<BulkResult> {
  const rows: SubmissionRow[] = [];
  let pending = sent;
  while (pending.length > 0) {
    const saved = await run<SubmissionRow>(submit, [JSON.stringify(pending)]);
    rows.push(...saved);
    const ids = new Set(saved.map(({ id }) => id));
    pending = pending.filter(({ id }) => !ids.has(id));
    if (pending.length > 0)
      digests.areUsed = (await run<{ exist: boolean }>(digestsExistNow))[0]?.exist ?? false;
  }
  const results = inOrder(sent, rows);
  if (idempotency !== undefined) {
    const { key, fingerprint, responseTo } = idempotency;
    await run(insertRecord, [partnerId, key, fingerprint, responseTo(results), Date.now()]);
  }
  return { outcome: 'saved', results };
}

function inOrder(sent: readonly SentSubmission[], rows: readonly SubmissionRow[]): SubmissionResult[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return sent.map(({ id }) => {
    const row = byId.get(id);
    if (row === undefined) throw new Error('A submission was not stored with the others of its request.');
    return resultOf(row);
  });
}
