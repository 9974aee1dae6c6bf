import type { Attempt } from '../../delivery.ts';
import { unlessExpired } from '../../sql/due-lead.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import { isUndecided } from '../../sql/lead-state.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase } from '../connection/database.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import { storableText } from '../storable-text.ts';
import { claimableUntil } from './due-leads.ts';

/**
 * Saves the attempts in `$1`, a JSON array, and changes their leads' states. `$2` is this server's clock. It may be
 * wrong, so a delay until the next attempt counts from the time until which leads can be claimed. If several attempts
 * of a lead are recorded at once, `decisive` contains the one that determines its state: a delivered one, or else that
 * of the current claim. An attempt by which the dialler has a lead, or may have it, is not saved unless the lead's
 * state changes.
 */
const recordAttempts = writeStatement(
  'record_attempts',
  `
    WITH sent AS MATERIALIZED (
      SELECT sent.*, lead.claim AS current_claim FROM json_to_recordset($1::json) AS sent (
        lead_id text, claim text, started_at bigint, ended_at bigint, outcome text, response text,
        delay bigint, was_absent boolean, basis text)
      JOIN LATERAL (SELECT claim FROM lead WHERE lead.id = sent.lead_id LIMIT 1) AS lead ON true
    ), decisive AS MATERIALIZED (
      SELECT DISTINCT ON (lead_id) lead_id, claim, outcome, ended_at, was_absent AND outcome <> 'delivered' AS was_absent,
        CASE WHEN outcome <> 'rejected' THEN ${claimableUntil('$2')} + delay END AS next_attempt_at
      FROM sent
      ORDER BY lead_id, outcome = 'delivered' DESC, claim IS NOT DISTINCT FROM current_claim DESC
    ), changed AS (
      UPDATE lead SET
        state = CASE
          WHEN decisive.outcome = 'delivered' THEN 'dialled'
          WHEN lead.state = 'withdrawing' THEN 'withdrawing'
          WHEN decisive.next_attempt_at IS NULL THEN 'failed'
          ELSE 'scheduled' END,
        dialled_at = CASE WHEN decisive.outcome = 'delivered' THEN decisive.ended_at END,
        ended_order = CASE
          WHEN decisive.outcome = 'delivered' OR decisive.next_attempt_at IS NOT NULL OR lead.state = 'withdrawing'
            OR lead.may_have_arrived AND NOT decisive.was_absent OR decisive.outcome = 'unknown' THEN 0
          ELSE ${nextEndedOrder} END,
        next_attempt_at = CASE
          WHEN decisive.outcome = 'delivered' OR lead.state = 'withdrawing' THEN lead.next_attempt_at
          WHEN decisive.next_attempt_at IS NULL THEN lead.next_attempt_at
          ELSE ${unlessExpired('decisive.next_attempt_at')} END,
        may_have_arrived = lead.may_have_arrived AND NOT decisive.was_absent OR decisive.outcome = 'unknown',
        claim = NULL
      FROM decisive
      WHERE lead.id = ANY (ARRAY(SELECT lead_id FROM decisive)) AND decisive.lead_id = lead.id
        AND (lead.state IN ('scheduled', 'withdrawing') OR decisive.outcome = 'delivered' AND (lead.state = 'held' OR ${isUndecided}))
        AND (decisive.outcome = 'delivered' OR lead.claim = decisive.claim)
      RETURNING lead.id
    ), saved AS (
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response, basis)
      SELECT lead_id, started_at, ended_at, outcome, response, basis FROM sent
      WHERE (outcome NOT IN ('delivered', 'unknown') OR lead_id IN (SELECT id FROM changed)) AND NOT EXISTS (
        SELECT FROM attempt
        WHERE attempt.lead_id = sent.lead_id AND attempt.started_at = sent.started_at
          AND attempt.ended_at = sent.ended_at AND attempt.outcome = sent.outcome)
    )
    SELECT id FROM changed WHERE ${isCurrent}`,
);

/** An attempt, with the claim under which it was made and the time of the next one (undefined: none). */
export interface ClaimedAttempt extends Attempt {
  claim: string;
  nextAttemptAt: number | undefined;
}

/**
 * Returns a function that records a batch of attempts. Each result is false if nothing was recorded, because the
 * dialler has the lead, or may have it, and its state does not change (see `lateAttemptRecorder`).
 */
export function attemptRecorder(
  database: PostgresDatabase,
): (entries: readonly Entry<ClaimedAttempt, boolean>[]) => Promise<void> {
  return async (entries) => {
    const now = Date.now();
    const sent = entries.map(({ input }) => ({
      lead_id: input.leadId,
      claim: input.claim,
      started_at: input.startedAt,
      ended_at: input.endedAt,
      outcome: input.outcome,
      response: storableText(input.response),
      basis: input.basis,
      delay: input.nextAttemptAt === undefined ? undefined : input.nextAttemptAt - now,
      was_absent: input.wasAbsent === true,
    }));
    const changed = await database.write<{ id: string }>(recordAttempts, [JSON.stringify(sent), now]);
    const ids = new Set(changed.map(({ id }) => id));
    for (const { input, resolve } of entries) {
      const mayHaveArrived = input.outcome === 'delivered' || input.outcome === 'unknown';
      resolve(!mayHaveArrived || ids.has(input.leadId));
    }
  };
}
