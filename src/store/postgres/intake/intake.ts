import type { LeadStatus } from '../../../leads/lead.ts';
import type { PersonAndType } from '../../../leads/submission.ts';
import type { KeyHolder } from '../../../partners/partner.ts';
import { type LimitColumns, limitOf } from '../../limit-columns.ts';
import type { StoreObserver } from '../../observer.ts';
import type { Cancelled, Intake, SubmissionResult } from '../../store.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';
import { blamesRow, isAnsweredAlready } from '../connection/fault.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import type { LeadNotifications } from '../notifications.ts';
import { Batcher, type BatchLimits, type Entry } from './batcher.ts';
import {
  type CancellationDecision,
  cancel,
  cancelledOf,
  lastLeads,
  type SentCancellation,
  sentCancellationOf,
  storedCancellations,
} from './cancel.ts';
import {
  decideSubmissions,
  type SentSubmission,
  type StoredResult,
  sentSubmissionOf,
  storable,
  submittedOf,
} from './submit.ts';

const keyHolders: Statement = {
  name: 'key_holders',
  text: `
    SELECT digest, api_key.id AS "keyId", partner.id AS "partnerId", partner.name AS "partnerName",
      rate_limit AS "rateLimit", rate_burst AS "rateBurst"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id
    WHERE digest = ANY ($1::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
};

const granted: Statement = {
  name: 'granted',
  text: `
    SELECT 1 FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
    WHERE lead_type.name = $1 AND granted_type.partner_id = $2`,
};

/** Takes the candidates in `$1`, and tells what became of each (see `decideSubmissions`). */
export const submit = writeStatement(
  'submit',
  `${decideSubmissions}, saved AS (
      INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
      SELECT id, partner_id, received_at, type, mobile, delays, content, outcome, met_id
      FROM decided WHERE outcome IS NOT NULL
    ), saved_record AS (
      INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, recorded_at)
      SELECT partner_id, idempotency_key, fingerprint, outcome,
        CASE outcome WHEN 'accepted' THEN met_id END, CASE outcome WHEN 'accepted' THEN due_at END, accepted_at
      FROM decided WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
    )
    SELECT id, outcome, met_id AS "leadId", due_at AS "dueAt", false AS "isReplay"
    FROM decided WHERE outcome IS NOT NULL AND ${isCurrent}
    UNION ALL
    SELECT id, CASE WHEN is_same THEN outcome ELSE 'idempotency-key-reused' END, lead_id, due_at, true FROM recorded`,
);

const saved: Statement = {
  name: 'saved',
  text: `
    SELECT submission.id, submission.outcome, lead_id AS "leadId", sent.due_at AS "dueAt", false AS "isReplay"
    FROM json_to_recordset($1::json) AS sent (id text, due_at bigint)
    JOIN submission ON submission.id = sent.id`,
};

const statuses: Statement = {
  name: 'statuses',
  text: `
    WITH wanted AS (
      SELECT * FROM json_to_recordset($1::json) AS sent (
        id integer, partner_id integer, type text, mobile text)
    ), ${lastLeads}
    SELECT asked_by AS place, state, accepted_at AS "acceptedAt", due_at AS "dueAt", dialled_at AS "dialledAt"
    FROM last WHERE id IS NOT NULL`,
};

interface HolderRow extends LimitColumns {
  digest: string;
  keyId: string;
  partnerId: number;
  partnerName: string;
}

/** The calls that partners' requests make, gathered into statements. */
export function postgresIntake(
  database: PostgresDatabase,
  changes: LeadNotifications,
  limits: BatchLimits,
  observer: StoreObserver,
): { calls: Intake; waiting(): number; idle(): Promise<void> } {
  const submissions = new Batcher('submit', submitBatch, limits, observer);
  const cancellations = new Batcher('cancel', cancelBatch, limits, observer);
  const keys = new Batcher('key', keyBatch, limits, observer);
  const lookUps = new Batcher('status', statusBatch, limits, observer);

  async function submitBatch(entries: readonly Entry<SentSubmission, SubmissionResult>[]): Promise<void> {
    const open = new Map(entries.map((entry) => [entry.input.id, entry]));
    try {
      await database.persist(async ({ isUncertain }) => {
        // What a connection took with it may have been committed, and must not be made a second time.
        const candidates = () => JSON.stringify(Array.from(open.values(), ({ input }) => input));
        const settleSaved = async () =>
          settle(open, await database.readOnce<StoredResult>(saved, [candidates()]));
        if (isUncertain) await settleSaved();
        while (open.size > 0) {
          const rows = await database.write<StoredResult>(submit, [candidates()]);
          // The first answer under the key may be that of the lost attempt, which was committed only now.
          if (isUncertain && rows.some(({ isReplay }) => isReplay)) await settleSaved();
          settle(open, rows);
        }
      });
    } catch (error) {
      await runEach(submitBatch, [...open.values()], error);
    }
  }

  function settle(
    open: Map<string, Entry<SentSubmission, SubmissionResult>>,
    rows: readonly StoredResult[],
  ): void {
    for (const row of rows) {
      const entry = open.get(row.id);
      if (entry === undefined) continue;
      open.delete(row.id);
      const submitted = submittedOf(row);
      if (submitted.outcome === 'accepted' && !submitted.isReplay) changes.announce(submitted.dueAt);
      entry.resolve(submitted);
    }
  }

  async function cancelBatch(entries: readonly Entry<SentCancellation, Cancelled>[]): Promise<void> {
    const open = new Map(entries.map((entry) => [entry.input.id, entry]));
    const end = (rows: readonly CancellationDecision[]) => {
      for (const row of rows) {
        open.get(row.id)?.resolve(cancelledOf(row));
        open.delete(row.id);
      }
    };
    try {
      await database.persist(async ({ isUncertain }) => {
        // As for submissions: what an attempt whose answer was lost has stored counts, whenever it was committed.
        const wanted = () => JSON.stringify(Array.from(open.values(), ({ input }) => input));
        const endStored = async () =>
          end(await database.readOnce<CancellationDecision>(storedCancellations, [wanted()]));
        if (isUncertain) await endStored();
        while (open.size > 0) {
          const rows = await database.write<CancellationDecision>(cancel, [wanted(), Date.now()]);
          if (isUncertain && rows.some(({ isReplay }) => isReplay)) await endStored();
          end(rows);
        }
      });
    } catch (error) {
      await runEach(cancelBatch, [...open.values()], error);
    }
  }

  async function keyBatch(entries: readonly Entry<string, KeyHolder | undefined>[]): Promise<void> {
    const digests = [...new Set(entries.map(({ input }) => input))];
    const holders = new Map<string, KeyHolder>();
    for (const row of await database.read<HolderRow>(keyHolders, [digests, Date.now()])) {
      const { digest, keyId, partnerId, partnerName } = row;
      const partner = { id: partnerId, name: partnerName };
      holders.set(digest, { keyId, digest, partner, limit: limitOf(row) });
    }
    for (const { input, resolve } of entries) resolve(holders.get(input));
  }

  async function statusBatch(
    entries: readonly Entry<PersonAndType, LeadStatus | undefined>[],
  ): Promise<void> {
    const open = new Map(entries.entries());
    const wanted = entries.map(({ input: { partnerId, type, mobile } }, id) => ({
      id,
      partner_id: partnerId,
      type: storable(type),
      mobile,
    }));
    for (const { place, ...status } of await database.read<LeadStatus & { place: number }>(statuses, [
      JSON.stringify(wanted),
    ])) {
      open.get(place)?.resolve(status);
      open.delete(place);
    }
    for (const { resolve } of open.values()) resolve(undefined);
  }

  const calls: Intake = {
    keyHolder: (digest) => keys.call(digest),
    submit: (submission, idempotency) => submissions.call(sentSubmissionOf(submission, idempotency)),
    cancel: (cancellation, idempotency) => cancellations.call(sentCancellationOf(cancellation, idempotency)),
    leadStatus: (wanted) => lookUps.call(wanted),

    async isGranted(partnerId, type) {
      return (await database.read(granted, [storable(type), partnerId])).length > 0;
    },
  };

  return {
    calls,
    waiting: () => submissions.waiting + cancellations.waiting + keys.waiting + lookUps.waiting,
    async idle() {
      await Promise.all([submissions.idle(), cancellations.idle(), keys.idle(), lookUps.idle()]);
    },
  };
}

/**
 * After a batch has failed: one that PostgreSQL cannot store must not take the others with it, and neither
 * must one whose idempotency key another server has kept an answer for meanwhile, which is told that answer.
 */
async function runEach<Input, Output>(
  runBatch: (entries: readonly Entry<Input, Output>[]) => Promise<void>,
  entries: readonly Entry<Input, Output>[],
  error: unknown,
): Promise<void> {
  if (!blamesRow(error)) throw error;
  const [only, ...others] = entries;
  if (others.length === 0 && !isAnsweredAlready(error)) return only?.reject(error);
  for (const entry of entries) await runBatch([entry]);
}
