import {
  type CancellationOutcome,
  type LeadState,
  type LeadStatus,
  outcomeWithoutCancelling,
} from '../../leads/lead.ts';
import type { PersonAndType, Submission } from '../../leads/submission.ts';
import type { KeyHolder } from '../../partners/partner.ts';
import type { Intake, Submitted } from '../store.ts';
import { Batches, type BatchLimits, type Entry } from './batches.ts';
import type { Changes } from './changes.ts';
import type { PostgresDatabase, Statement } from './database.ts';
import { blamesRow } from './fault.ts';
import { type Candidate, candidateOf, type Judged, judgedCandidates, storable, submittedOf } from './take.ts';

const keyHolders: Statement = {
  name: 'key_holders',
  text: `
    SELECT api_key.digest, api_key.id AS "keyId", partner.id AS "partnerId", partner.name AS "partnerName"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id
    WHERE api_key.digest = ANY ($1::text[]) AND api_key.revoked_at IS NULL`,
};

const granted: Statement = {
  name: 'granted',
  text: `
    SELECT 1 FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
    WHERE lead_type.name = $1 AND granted_type.partner_id = $2`,
};

const submit: Statement = {
  name: 'submit',
  text: `${judgedCandidates}
    INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
    SELECT id, partner_id, received_at, type, mobile, delays, content, outcome, met_id
    FROM judged WHERE outcome IS NOT NULL
    RETURNING id, outcome, lead_id AS "leadId"`,
};

const saved: Statement = {
  name: 'saved',
  text: `SELECT id, outcome, lead_id AS "leadId" FROM submission WHERE id = ANY ($1::text[])`,
};

/** The last lead that each partner submitted for each person and type, by its place in `$1`. */
const lastLeads = `
  WITH wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      place integer, partner_id integer, type text, mobile text)
  ), last AS MATERIALIZED (
    SELECT wanted.place, granted.type_id, lead.*
    FROM wanted
    LEFT JOIN LATERAL (
      SELECT lead_type.id AS type_id
      FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
      WHERE lead_type.name = wanted.type AND granted_type.partner_id = wanted.partner_id
      LIMIT 1
    ) AS granted ON true
    LEFT JOIN LATERAL (
      SELECT id, state, accepted_at, due_at, dialled_at, claim, may_have_arrived FROM lead
      WHERE lead.mobile = wanted.mobile AND lead.type_id = granted.type_id
        AND lead.partner_id = wanted.partner_id
      ORDER BY lead.id DESC LIMIT 1
    ) AS lead ON true
  )`;

/** Of several that want the same lead cancelled at once the first has it cancelled. */
const cancel: Statement = {
  name: 'cancel',
  text: `${lastLeads}, first AS (
    SELECT DISTINCT ON (id) id, place FROM last WHERE id IS NOT NULL ORDER BY id, place
  ), cancelled AS (
    UPDATE lead SET state = 'cancelled', released = lead.id, cancelled_at = $2
    WHERE lead.id = ANY (ARRAY(SELECT id FROM first))
      AND lead.state IN ('scheduled', 'failed') AND lead.claim IS NULL AND NOT lead.may_have_arrived
    RETURNING lead.id
  )
  SELECT last.place, last.type_id IS NOT NULL AS "isGranted", last.state,
    cancelled.id IS NOT NULL AND first.id IS NOT NULL AS "isCancelled",
    last.state IN ('scheduled', 'failed') AND last.claim IS NULL AND NOT last.may_have_arrived
      AS "couldBeCancelled"
  FROM last
  LEFT JOIN first ON first.place = last.place
  LEFT JOIN cancelled ON cancelled.id = last.id`,
};

const statuses: Statement = {
  name: 'statuses',
  text: `${lastLeads}
    SELECT place, state, accepted_at AS "acceptedAt", due_at AS "dueAt", dialled_at AS "dialledAt"
    FROM last WHERE id IS NOT NULL`,
};

interface Cancellation {
  place: number;
  isGranted: boolean;
  state: LeadState | null;
  isCancelled: boolean;
  couldBeCancelled: boolean;
}

/** The calls that partners' requests make, gathered into statements. */
export function postgresIntake(
  database: PostgresDatabase,
  changes: Changes,
  limits: BatchLimits,
): { calls: Intake; idle(): Promise<void> } {
  const submissions = new Batches(submitBatch, limits);
  const cancellations = new Batches(cancelBatch, limits);
  const keys = new Batches(keyBatch, limits);
  const lookUps = new Batches(statusBatch, limits);

  async function submitBatch(entries: readonly Entry<Candidate, Submitted>[]): Promise<void> {
    const open = new Map(entries.map((entry) => [entry.input.id, entry]));
    try {
      await database.persist(async ({ isUncertain }) => {
        // What a connection took with it may have been committed, and must not be made a second time.
        if (isUncertain) settle(open, await database.write<Judged>(saved, [[...open.keys()]]));
        while (open.size > 0) {
          const candidates = Array.from(open.values(), ({ input }) => input);
          settle(open, await database.write<Judged>(submit, [JSON.stringify(candidates)]));
        }
      });
    } catch (error) {
      if (!blamesRow(error)) throw error;
      await submitEach([...open.values()], error);
    }
  }

  /** One that PostgreSQL cannot store must not take the others with it. */
  async function submitEach(entries: readonly Entry<Candidate, Submitted>[], error: unknown): Promise<void> {
    const [only, ...others] = entries;
    if (others.length === 0) return only?.reject(error);
    for (const entry of entries) await submitBatch([entry]);
  }

  function settle(open: Map<string, Entry<Candidate, Submitted>>, rows: readonly Judged[]): void {
    for (const row of rows) {
      const entry = open.get(row.id);
      if (entry === undefined) continue;
      open.delete(row.id);
      const submitted = submittedOf(entry.input, row);
      if (submitted.outcome === 'accepted') changes.announce(submitted.dueAt);
      entry.resolve(submitted);
    }
  }

  async function cancelBatch(entries: readonly Entry<PersonAndType, CancellationOutcome>[]): Promise<void> {
    const open = new Map(entries.entries());
    await database.persist(async ({ isUncertain }) => {
      while (open.size > 0) {
        const rows = await database.write<Cancellation>(cancel, [placed(open), Date.now()]);
        for (const row of rows) {
          const outcome = cancellationOf(row, isUncertain);
          if (outcome === undefined) continue;
          open.get(row.place)?.resolve(outcome);
          open.delete(row.place);
        }
      }
    });
  }

  async function keyBatch(entries: readonly Entry<string, KeyHolder | undefined>[]): Promise<void> {
    const rows = await database.read<{
      digest: string;
      keyId: string;
      partnerId: number;
      partnerName: string;
    }>(keyHolders, [[...new Set(entries.map(({ input }) => input))]]);
    const holders = new Map(
      rows.map(({ digest, keyId, partnerId, partnerName }) => [
        digest,
        { keyId, partner: { id: partnerId, name: partnerName } },
      ]),
    );
    for (const { input, resolve } of entries) resolve(holders.get(input));
  }

  async function statusBatch(
    entries: readonly Entry<PersonAndType, LeadStatus | undefined>[],
  ): Promise<void> {
    const open = new Map(entries.entries());
    for (const { place, ...status } of await database.read<LeadStatus & { place: number }>(statuses, [
      placed(open),
    ])) {
      open.get(place)?.resolve(status);
      open.delete(place);
    }
    for (const { resolve } of open.values()) resolve(undefined);
  }

  const calls: Intake = {
    keyHolder: (digest) => keys.call(digest),
    submit: (submission: Submission) => submissions.call(candidateOf(submission)),
    cancel: (wanted) => cancellations.call(wanted),
    leadStatus: (wanted) => lookUps.call(wanted),

    async isGranted(partnerId, type) {
      return (await database.read(granted, [storable(type), partnerId])).length > 0;
    },
  };

  return {
    calls,
    async idle() {
      await Promise.all([submissions.idle(), cancellations.idle(), keys.idle(), lookUps.idle()]);
    },
  };
}

/** The people and types that are asked for, each with its place. */
function placed(open: ReadonlyMap<number, { input: PersonAndType }>): string {
  return JSON.stringify(
    Array.from(open, ([place, { input }]) => ({
      place,
      partner_id: input.partnerId,
      type: storable(input.type),
      mobile: input.mobile,
    })),
  );
}

/** What a cancellation came to; undefined where somebody else was at the lead just now, and it is to be tried again. */
function cancellationOf(row: Cancellation, isUncertain: boolean): CancellationOutcome | undefined {
  if (!row.isGranted) return 'unknown-type';
  if (row.isCancelled) return 'cancelled';
  if (row.couldBeCancelled) return undefined;
  // The attempt whose answer was lost has cancelled it; and whoever did, nobody will call.
  if (isUncertain && row.state === 'cancelled') return 'cancelled';
  return outcomeWithoutCancelling(row.state ?? undefined);
}
