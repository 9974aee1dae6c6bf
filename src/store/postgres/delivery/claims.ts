import type { ClaimedLead, ClaimTerms } from '../../delivery.ts';
import {
  claimedSince,
  dueLeadColumns,
  dueLeadJoins,
  interruptedResponse,
  lastUnknownAt,
} from '../../sql/due-lead.ts';
import { isSuppressed } from '../../sql/suppressed-leads.ts';
import type { PostgresDatabase } from '../connection/database.ts';
import { ConnectionLost, failureKind } from '../connection/errors.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import { claimableLeads, claimableUntil, databaseNow, inDueOrder } from './due-leads.ts';

/** Number of leads examined to claim `$2`: other servers may be claiming the first ones, which are skipped. */
const maxExamined = '4 * $2::bigint';

/**
 * Claims leads: `$1` is the claim, `$2` the limit, `$3` the lease (ms), `$4` the response of interrupted attempts, `$5`
 * this server's clock, `$6` the names of types that are left out. If a lead still has a claim, its attempt was
 * interrupted, and the dialler may have the lead.
 */
const claimDue = writeStatement(
  'claim',
  `
    WITH examined AS MATERIALIZED (
      ${claimableLeads({ until: claimableUntil('$5'), limit: maxExamined, exceptTypes: '$6::text[]' })}
      LIMIT ${maxExamined}
    ), locked AS MATERIALIZED (
      SELECT id, priority, next_attempt_at, claim, ${claimedSince} AS claimed_since,
        may_have_arrived OR claim IS NOT NULL AS may_have_arrived
      FROM lead
      WHERE id = ANY (ARRAY(SELECT id FROM examined)) AND state = 'scheduled'
        AND next_attempt_at <= ${claimableUntil('$5')}
      ORDER BY ${inDueOrder('lead')} LIMIT $2
      FOR UPDATE SKIP LOCKED
    ), interrupted AS (
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
      SELECT id, claimed_since, ${databaseNow}, 'unknown', $4 FROM locked WHERE claim IS NOT NULL
    ), claimed AS (
      UPDATE lead SET claim = $1, claimed_at = ${databaseNow}, next_attempt_at = ${databaseNow} + $3, attempts = lead.attempts + 1,
        may_have_arrived = locked.may_have_arrived, waits_for = NULL
      FROM locked
      WHERE lead.id = ANY (ARRAY(SELECT id FROM locked)) AND locked.id = lead.id
      RETURNING lead.*, locked.next_attempt_at AS claimable_since
    )
    SELECT ${dueLeadColumns}, lead.attempts AS "attemptNumber", lead.may_have_arrived AS "mayHaveArrived",
      ${lastUnknownAt('lead.may_have_arrived')} AS "lastUnknownAt", lead.trace, lead.claimable_since
    FROM claimed AS lead ${dueLeadJoins}
    WHERE ${isCurrent}
    ORDER BY lead.priority DESC, lead.claimable_since, lead.id`,
);

/** Maximum of PostgreSQL's `integer`. Callers may ask for more. */
const maxLimit = 2 ** 31 - 1;

/**
 * Releases the leads that a claim holds, as if it had not been made: `$1` is the claim, whose leases end between `$2`
 * and `$3` ms from now, by which an index finds the leads. `$4` is this server's clock.
 */
const releaseClaim = writeStatement(
  'release_claim',
  `
    UPDATE lead SET claim = NULL, attempts = attempts - 1,
      next_attempt_at = CASE attempts WHEN 1 THEN due_at ELSE $4 END
    WHERE id = ANY (ARRAY(
        SELECT id FROM lead
        WHERE state = 'scheduled' AND type_id = ANY (ARRAY(SELECT id FROM lead_type))
          AND next_attempt_at BETWEEN ${databaseNow} + $2 AND ${databaseNow} + $3 AND claim = $1))
      AND claim = $1 AND ${isCurrent}
    RETURNING id`,
);

/** Maximum change of PostgreSQL's clock for which the leads of a lost claim are found (ms). */
const maxClockChange = 1_000;

/** A claim whose response was lost. */
interface LostClaim {
  lease: number;
  /** When its statement was sent (`performance.now()`). */
  sentAt: number;
}

/**
 * Claims leads. If the response to a claim is lost, its leads are released, because they were not sent: once their
 * leases had ended, the dialler would seem to have them.
 */
export class LeadClaims {
  readonly #database: PostgresDatabase;
  /** Lost claims by id, until their leads are released or their leases have ended. */
  readonly #lost = new Map<string, LostClaim>();

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /**
   * Claims due leads.
   *
   * @throws {StoreUnavailable} if the database was replaced, or the outcome is unknown; the next calls release the leads of the claim
   */
  async claimDue(terms: ClaimTerms): Promise<ClaimedLead[]> {
    await this.releaseLost();
    // A pooler hides that connections lead to another database, and a restore can replace the tables of this one.
    await this.#database.withRetries(() => this.#database.checkIdentity());
    return this.#database.withRetries(async () => {
      const lost = this.#lost.get(terms.claim);
      if (lost !== undefined && !(await this.#release(terms.claim, lost))) {
        // The statement may still be running, and a second one would claim more leads under the same id.
        throw new ConnectionLost('The response to a claim was lost.');
      }
      const sentAt = performance.now();
      try {
        return await claimLeads(this.#database, terms);
      } catch (error) {
        if (failureKind(error) === 'unknown') this.#lost.set(terms.claim, { lease: terms.lease, sentAt });
        throw error;
      }
    });
  }

  /** Releases the leads of the lost claims whose statements have been committed meanwhile. */
  async releaseLost(): Promise<void> {
    for (const [claim, lost] of this.#lost) {
      if (performance.now() - lost.sentAt > lost.lease) this.#lost.delete(claim);
      else await this.#database.withRetries(() => this.#release(claim, lost));
    }
  }

  /** Releases the leads of a lost claim. Returns whether there were any, so that its statement is no longer running. */
  async #release(claim: string, { lease, sentAt }: LostClaim): Promise<boolean> {
    const earliestEnd = Math.floor(lease - (performance.now() - sentAt) - maxClockChange);
    const released = await this.#database.write(releaseClaim, [
      claim,
      earliestEnd,
      lease + maxClockChange,
      Date.now(),
    ]);
    if (released.length > 0) this.#lost.delete(claim);
    return released.length > 0;
  }
}

async function claimLeads(
  database: PostgresDatabase,
  { claim, limit, lease, exceptTypes = [] }: ClaimTerms,
): Promise<ClaimedLead[]> {
  const rows = await database.write<ClaimedLead & { claimable_since: number }>(claimDue, [
    claim,
    Math.min(limit, maxLimit),
    lease,
    interruptedResponse,
    Date.now(),
    exceptTypes,
  ]);
  return rows.map(({ claimable_since: _, ...lead }) => lead);
}

/** `$1` is the claim, `$2` the leads' ids, `$3` the lease (ms). */
const renew = writeStatement(
  'renew',
  `
    UPDATE lead SET
      next_attempt_at = CASE state WHEN 'scheduled' THEN ${databaseNow} + $3 ELSE next_attempt_at END,
      claim = CASE state WHEN 'scheduled' THEN claim END,
      attempts = CASE state WHEN 'scheduled' THEN attempts ELSE attempts - 1 END
    WHERE id = ANY ($2::text[]) AND claim = $1 AND ${isCurrent}
      AND (state = 'scheduled' AND NOT ${isSuppressed} OR state = 'withdrawing')
    RETURNING id, claim`,
);

/** Renews the lease of the leads that a claim still holds. Returns their ids. */
export async function renewLease(
  database: PostgresDatabase,
  claim: string,
  leadIds: readonly string[],
  lease: number,
): Promise<string[]> {
  const changed = await database.write<{ id: string; claim: string | null }>(renew, [claim, leadIds, lease]);
  return changed.filter((lead) => lead.claim !== null).map(({ id }) => id);
}
