import type { Idempotency } from '../../leads/idempotency.ts';
import type { LeadState, LeadStatus } from '../../leads/lead.ts';
import type { PersonAndType } from '../../leads/submission.ts';
import type { KeyHolder } from '../../partners/partner.ts';
import { type LimitColumns, limitOf } from '../limit-columns.ts';
import type { StoreObserver } from '../observer.ts';
import type { Cancelled, Intake, Submitted } from '../store.ts';
import { Batches, type BatchLimits, type Entry } from './batches.ts';
import type { Changes } from './changes.ts';
import type { PostgresDatabase, Statement } from './database.ts';
import { blamesRow, isAnsweredAlready } from './fault.ts';
import { type Candidate, candidateOf, judgedCandidates, storable, submittedOf, type Told } from './take.ts';

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

/** Takes the candidates in `$1`, and tells what became of each (see `judgedCandidates`). */
export const submit: Statement = {
  name: 'submit',
  text: `${judgedCandidates}, saved AS (
      INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
      SELECT id, partner_id, received_at, type, mobile, delays, content, outcome, met_id
      FROM judged WHERE outcome IS NOT NULL
    ), kept AS (
      INSERT INTO kept_answer (partner_id, idempotency_key, fingerprint, outcome, lead_id, due_at, kept_at)
      SELECT partner_id, idempotency_key, fingerprint, outcome,
        CASE outcome WHEN 'accepted' THEN met_id END, CASE outcome WHEN 'accepted' THEN due_at END, accepted_at
      FROM judged WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
    )
    SELECT id, outcome, met_id AS "leadId", due_at AS "dueAt", false AS "isReplay"
    FROM judged WHERE outcome IS NOT NULL
    UNION ALL
    SELECT id, CASE WHEN is_same THEN outcome ELSE 'key-used-otherwise' END, lead_id, due_at, true FROM told`,
};

const saved: Statement = {
  name: 'saved',
  text: `
    SELECT submission.id, submission.outcome, lead_id AS "leadId", sent.due_at AS "dueAt", false AS "isReplay"
    FROM json_to_recordset($1::json) AS sent (id text, due_at bigint)
    JOIN submission ON submission.id = sent.id`,
};

/** The last lead that each partner submitted for each person and type that is `wanted`. */
const lastLeads = `
  last AS MATERIALIZED (
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

/**
 * Of several that want the same lead cancelled at once the first has it cancelled. `told` has those whose
 * idempotency key has an answer already. The outcome is null where somebody else was at the lead just now,
 * and it is to be sent once more; else it is `outcomeWithoutCancelling` of the lead logic.
 */
const cancel: Statement = {
  name: 'cancel',
  text: `
  WITH sent AS (
    SELECT * FROM json_to_recordset($1::json) AS sent (
      place integer, partner_id integer, type text, mobile text, idempotency_key text, fingerprint text)
  ), told AS MATERIALIZED (
    SELECT sent.place, answer.fingerprint = sent.fingerprint AS is_same, answer.outcome
    FROM sent CROSS JOIN LATERAL (
      SELECT fingerprint, outcome FROM kept_answer
      WHERE kept_answer.partner_id = sent.partner_id AND kept_answer.idempotency_key = sent.idempotency_key
      LIMIT 1
    ) AS answer
    WHERE sent.idempotency_key IS NOT NULL
  ), wanted AS (
    SELECT * FROM sent WHERE place NOT IN (SELECT place FROM told)
  ), ${lastLeads}, first AS (
    SELECT DISTINCT ON (id) id, place FROM last WHERE id IS NOT NULL ORDER BY id, place
  ), cancelled AS (
    UPDATE lead SET state = 'cancelled', released = lead.id, cancelled_at = $2
    WHERE lead.id = ANY (ARRAY(SELECT id FROM first))
      AND lead.state IN ('scheduled', 'failed') AND lead.claim IS NULL AND NOT lead.may_have_arrived
    RETURNING lead.id
  ), judged AS (
    SELECT last.place, last.state,
      CASE
        WHEN last.type_id IS NULL THEN 'unknown-type'
        WHEN cancelled.id IS NOT NULL AND first.id IS NOT NULL THEN 'cancelled'
        WHEN last.state IN ('scheduled', 'failed') AND last.claim IS NULL AND NOT last.may_have_arrived THEN NULL
        WHEN last.state IN ('scheduled', 'dialled', 'failed') THEN 'already-processed'
        ELSE 'not-found'
      END AS outcome
    FROM last
    LEFT JOIN first ON first.place = last.place
    LEFT JOIN cancelled ON cancelled.id = last.id
  ), kept AS (
    INSERT INTO kept_answer (partner_id, idempotency_key, fingerprint, outcome, kept_at)
    SELECT partner_id, idempotency_key, fingerprint, outcome, $2
    FROM judged JOIN wanted ON wanted.place = judged.place
    WHERE outcome IS NOT NULL AND idempotency_key IS NOT NULL
  )
  SELECT place, state, outcome, false AS "isReplay" FROM judged WHERE outcome IS NOT NULL
  UNION ALL
  SELECT place, NULL, CASE WHEN is_same THEN outcome ELSE 'key-used-otherwise' END, true FROM told`,
};

const statuses: Statement = {
  name: 'statuses',
  text: `
    WITH wanted AS (
      SELECT * FROM json_to_recordset($1::json) AS sent (
        place integer, partner_id integer, type text, mobile text)
    ), ${lastLeads}
    SELECT place, state, accepted_at AS "acceptedAt", due_at AS "dueAt", dialled_at AS "dialledAt"
    FROM last WHERE id IS NOT NULL`,
};

interface HolderRow extends LimitColumns {
  digest: string;
  keyId: string;
  partnerId: number;
  partnerName: string;
}

interface Cancellation extends PersonAndType {
  idempotency: Idempotency | undefined;
}

interface JudgedCancellation {
  place: number;
  outcome: Cancelled['outcome'];
  state: LeadState | null;
  isReplay: boolean;
}

/** The calls that partners' requests make, gathered into statements. */
export function postgresIntake(
  database: PostgresDatabase,
  changes: Changes,
  limits: BatchLimits,
  observer: StoreObserver,
): { calls: Intake; waiting(): number; idle(): Promise<void> } {
  const submissions = new Batches('submit', submitBatch, limits, observer);
  const cancellations = new Batches('cancel', cancelBatch, limits, observer);
  const keys = new Batches('key', keyBatch, limits, observer);
  const lookUps = new Batches('status', statusBatch, limits, observer);

  async function submitBatch(entries: readonly Entry<Candidate, Submitted>[]): Promise<void> {
    const open = new Map(entries.map((entry) => [entry.input.id, entry]));
    try {
      await database.persist(async ({ isUncertain }) => {
        // What a connection took with it may have been committed, and must not be made a second time.
        const candidates = () => JSON.stringify(Array.from(open.values(), ({ input }) => input));
        const settleSaved = async () => settle(open, await database.write<Told>(saved, [candidates()]));
        if (isUncertain) await settleSaved();
        while (open.size > 0) {
          const rows = await database.write<Told>(submit, [candidates()]);
          // The first answer under the key may be that of the lost attempt, which was committed only now.
          if (isUncertain && rows.some(({ isReplay }) => isReplay)) await settleSaved();
          settle(open, rows);
        }
      });
    } catch (error) {
      await runEach(submitBatch, [...open.values()], error);
    }
  }

  function settle(open: Map<string, Entry<Candidate, Submitted>>, rows: readonly Told[]): void {
    for (const row of rows) {
      const entry = open.get(row.id);
      if (entry === undefined) continue;
      open.delete(row.id);
      const submitted = submittedOf(row);
      if (submitted.outcome === 'accepted' && !submitted.isReplay) changes.announce(submitted.dueAt);
      entry.resolve(submitted);
    }
  }

  async function cancelBatch(entries: readonly Entry<Cancellation, Cancelled>[]): Promise<void> {
    const open = new Map(entries.entries());
    try {
      await database.persist(async ({ isUncertain }) => {
        while (open.size > 0) {
          const rows = await database.write<JudgedCancellation>(cancel, [placed(open), Date.now()]);
          for (const row of rows) {
            const entry = open.get(row.place);
            entry?.resolve(cancelledOf(row, isUncertain, entry.input.idempotency));
            open.delete(row.place);
          }
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
    submit: (submission, idempotency) => submissions.call(candidateOf(submission, idempotency)),
    cancel: (wanted, idempotency) => cancellations.call({ ...wanted, idempotency }),
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

/** The people and types that are asked for, each with its place. */
function placed(
  open: ReadonlyMap<number, { input: PersonAndType & { idempotency?: Idempotency | undefined } }>,
): string {
  return JSON.stringify(
    Array.from(open, ([place, { input }]) => ({
      place,
      partner_id: input.partnerId,
      type: storable(input.type),
      mobile: input.mobile,
      idempotency_key: input.idempotency?.key,
      fingerprint: input.idempotency?.fingerprint,
    })),
  );
}

function cancelledOf(
  { outcome, state, isReplay }: JudgedCancellation,
  isUncertain: boolean,
  idempotency: Idempotency | undefined,
): Cancelled {
  if (outcome === 'key-used-otherwise') return { outcome };
  // The attempt whose answer was lost has cancelled it; and whoever did, nobody will call. With an idempotency
  // key it would have left its own answer.
  const hasCancelled = isUncertain && idempotency === undefined && state === 'cancelled';
  return { outcome: hasCancelled ? 'cancelled' : outcome, isReplay: isReplay && !isUncertain };
}
