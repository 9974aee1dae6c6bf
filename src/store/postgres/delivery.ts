import { isUndecided, nextEndedOrder } from '../lead-order.ts';
import type { StoreObserver } from '../observer.ts';
import { inPages } from '../pages.ts';
import { isOpen } from '../sql/delivery-pauses.ts';
import { dueLeadColumns, dueLeadJoins, interruptedResponse } from '../sql/due-lead.ts';
import type { Attempt, ClaimedLead, Delivery, DueLead } from '../store.ts';
import type { PostgresDatabase, Statement } from './connection/database.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';
import { Batcher, type BatchLimits, type Entry } from './intake/batcher.ts';
import type { LeadNotifications } from './notifications.ts';

/**
 * Leases are judged by PostgreSQL's clock, which all servers share: one whose own clock is ahead must
 * not take a lead that another has under way.
 */
const now = '(SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)';

/**
 * The first leads in line, in order: of each lead type up to `limit`. The line is kept by lead type, so the leads of a
 * paused type are never looked at, however many stand before the others.
 */
function firstOfEachType({ after = "(0, '')", limit }: { after?: string; limit: string }): string {
  return `
    SELECT first.id, first.next_attempt_at
    FROM lead_type CROSS JOIN LATERAL (
      SELECT id, next_attempt_at FROM lead
      WHERE state = 'scheduled' AND type_id = lead_type.id AND next_attempt_at <= ${now} AND (next_attempt_at, id) > ${after}
      ORDER BY next_attempt_at, id LIMIT ${limit}
    ) AS first
    WHERE ${isOpen}
    ORDER BY first.next_attempt_at, first.id`;
}

const free: Statement = {
  name: 'free',
  text: `
    SELECT ${dueLeadColumns}, lead.next_attempt_at AS "nextAttemptAt"
    FROM (${firstOfEachType({ after: '($1, $2)', limit: '$3' })} LIMIT $3) AS line
    JOIN lead ON lead.id = line.id ${dueLeadJoins}
    ORDER BY lead.next_attempt_at, lead.id`,
};

const nextAttempt: Statement = {
  name: 'next_try',
  text: `
    SELECT min((SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id)) AS at
    FROM lead_type WHERE ${isOpen}`,
};

/** Number of leads looked at to claim `$2`: the first may just be claimed by other servers, and are skipped. */
const enough = '4 * $2::bigint';

/** `$1` claim, `$2` limit, `$3` lease, `$4` not due before, `$5` what is said of a try that broke off. */
const claim = writeStatement(
  'claim',
  `
    WITH line AS MATERIALIZED (${firstOfEachType({ limit: enough })} LIMIT ${enough}), free AS MATERIALIZED (
      SELECT id, next_attempt_at, claim, due_at < $4 AS is_too_old,
        may_have_arrived OR claim IS NOT NULL AS may_have_arrived
      FROM lead
      WHERE id = ANY (ARRAY(SELECT id FROM line)) AND state = 'scheduled' AND next_attempt_at <= ${now}
      ORDER BY next_attempt_at, id LIMIT $2
      FOR UPDATE SKIP LOCKED
    ), interrupted AS (
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
      SELECT id, next_attempt_at, ${now}, 'unknown', $5 FROM free WHERE claim IS NOT NULL
    ), too_old AS (
      UPDATE lead SET claim = NULL, may_have_arrived = free.may_have_arrived,
        state = CASE WHEN free.may_have_arrived THEN 'failed' ELSE 'expired' END,
        ended_order = CASE WHEN free.may_have_arrived THEN 0 ELSE ${nextEndedOrder} END
      FROM free
      WHERE lead.id = ANY (ARRAY(SELECT id FROM free WHERE is_too_old)) AND free.id = lead.id
      RETURNING lead.id, lead.may_have_arrived
    ), claimed AS (
      UPDATE lead SET claim = $1, next_attempt_at = ${now} + $3, attempts = lead.attempts + 1,
        may_have_arrived = free.may_have_arrived
      FROM free
      WHERE lead.id = ANY (ARRAY(SELECT id FROM free WHERE NOT is_too_old)) AND free.id = lead.id
      RETURNING lead.*, free.next_attempt_at AS free_since
    )
    SELECT ${dueLeadColumns}, lead.attempts, lead.may_have_arrived AS "mayHaveArrived", lead.trace,
      lead.free_since, false AS "isTooOld"
    FROM claimed AS lead ${dueLeadJoins}
    WHERE ${isCurrent}
    UNION ALL
    SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, may_have_arrived, NULL, NULL, true FROM too_old
    ORDER BY free_since, id`,
);

/** `$1` claim, `$2` the leads' ids, `$3` lease. */
const renew = writeStatement(
  'renew',
  `
    UPDATE lead SET next_attempt_at = ${now} + $3
    WHERE id = ANY ($2::text[]) AND claim = $1 AND state = 'scheduled' AND ${isCurrent} RETURNING id`,
);

/** Of two tries of a lead that are recorded at once the one that was taken counts. */
const recordAttempts = writeStatement(
  'record_tries',
  `
    WITH ended AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS sent (
        lead_id text, claim text, started_at bigint, ended_at bigint, outcome text, response text,
        next_attempt_at bigint)
    ), saved_record AS (
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
      SELECT lead_id, started_at, ended_at, outcome, response FROM ended
    ), following AS MATERIALIZED (
      SELECT DISTINCT ON (lead_id) lead_id, claim, outcome, ended_at,
        CASE WHEN outcome <> 'rejected' THEN next_attempt_at END AS next_attempt_at
      FROM ended
      JOIN LATERAL (SELECT lead.claim AS current FROM lead WHERE lead.id = ended.lead_id LIMIT 1) AS lead ON true
      ORDER BY lead_id, outcome = 'delivered' DESC, ended.claim IS NOT DISTINCT FROM current DESC
    )
    UPDATE lead SET
      state = CASE
        WHEN following.outcome = 'delivered' THEN 'dialled'
        WHEN following.next_attempt_at IS NULL THEN 'failed'
        ELSE 'scheduled' END,
      dialled_at = CASE WHEN following.outcome = 'delivered' THEN following.ended_at END,
      ended_order = CASE
        WHEN following.outcome = 'delivered' OR following.next_attempt_at IS NOT NULL
          OR lead.may_have_arrived OR following.outcome = 'unknown' THEN 0
        ELSE ${nextEndedOrder} END,
      next_attempt_at = CASE
        WHEN following.outcome = 'delivered' THEN lead.next_attempt_at
        ELSE coalesce(following.next_attempt_at, lead.next_attempt_at) END,
      may_have_arrived = lead.may_have_arrived OR following.outcome = 'unknown',
      claim = NULL
    FROM following
    WHERE lead.id = ANY (ARRAY(SELECT lead_id FROM following)) AND following.lead_id = lead.id
      AND ${isCurrent}
      AND (lead.state = 'scheduled' OR following.outcome = 'delivered' AND ${isUndecided})
      AND (following.outcome = 'delivered' OR lead.claim = following.claim)`,
);

interface Ended extends Attempt {
  claim: string;
  nextAttemptAt: number | undefined;
}

export function postgresDelivery(
  database: PostgresDatabase,
  changes: LeadNotifications,
  limits: BatchLimits,
  observer: StoreObserver,
): { calls: Delivery; waiting(): number; idle(): Promise<void> } {
  const attempts = new Batcher('attempt', recordBatch, limits, observer);

  async function recordBatch(entries: readonly Entry<Ended, void>[]): Promise<void> {
    const ended = entries.map(({ input }) => ({
      lead_id: input.leadId,
      claim: input.claim,
      started_at: input.startedAt,
      ended_at: input.endedAt,
      outcome: input.outcome,
      response: input.response,
      next_attempt_at: input.nextAttemptAt,
    }));
    await database.write(recordAttempts, [JSON.stringify(ended)]);
    for (const { resolve } of entries) resolve();
  }

  const calls: Delivery = {
    async *dueLeads(limit) {
      const rows = inPages<DueLead & { nextAttemptAt: number }>(limit, (last, size) =>
        database.read(free, [last?.nextAttemptAt ?? 0, last?.id ?? '', size]),
      );
      for await (const { nextAttemptAt: _, ...lead } of rows) yield lead;
    },

    async nextAttemptAt() {
      const [row] = await database.read<{ at: number | null }>(nextAttempt);
      return row?.at ?? undefined;
    },

    onChange(wake) {
      return changes.listen(wake);
    },

    async claimDue({ claim: name, limit, lease, notDueBefore }) {
      const rows = await database.write<ClaimedLead & { free_since: number; isTooOld: boolean }>(claim, [
        name,
        Math.min(limit, 2 ** 31 - 1),
        lease,
        notDueBefore,
        interruptedResponse,
      ]);
      const leads: ClaimedLead[] = [];
      let undecided = 0;
      for (const { free_since: _, isTooOld, ...lead } of rows) {
        if (!isTooOld) leads.push(lead);
        else if (lead.mayHaveArrived) undecided += 1;
      }
      return { leads, tooLate: rows.length - leads.length, undecided };
    },

    async renewLease(name, leadIds, lease) {
      const held = await database.write<{ id: string }>(renew, [name, leadIds, lease]);
      return held.map(({ id }) => id);
    },

    recordAttempt(name, ended, nextAttemptAt) {
      return attempts.call({ ...ended, claim: name, nextAttemptAt });
    },
  };

  return { calls, waiting: () => attempts.waiting, idle: () => attempts.idle() };
}
