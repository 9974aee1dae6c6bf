import type { DatabaseSync } from 'node:sqlite';
import type { ClaimedLead, ClaimTerms } from '../../delivery.ts';
import {
  claimedSince,
  dueLeadColumns,
  dueLeadJoins,
  interruptedResponse,
  lastUnknownAt,
} from '../../sql/due-lead.ts';
import { isSuppressed } from '../../sql/suppressed-leads.ts';
import { Query } from '../query.ts';
import { insertAttemptQuery } from './attempts.ts';
import type { DueQueue } from './due-queue.ts';

interface ClaimableLead extends Omit<ClaimedLead, 'mayHaveArrived'> {
  mayHaveArrived: number;
  /** From when an interrupted attempt may have run (ms since 1970); null: no attempt was interrupted. */
  interruptedSince: number | null;
}

/** Condition: whether the dialler may have a lead that is about to be claimed. */
const mayHaveArrived = '(lead.may_have_arrived OR lead.claim IS NOT NULL)';

/** Returns a function that claims due leads. Runs in the caller's transaction. */
export function claimer(database: DatabaseSync, queue: DueQueue): (terms: ClaimTerms) => ClaimedLead[] {
  const claimableLeads = new Query<ClaimableLead>(
    database,
    `SELECT ${dueLeadColumns}, lead.attempts + 1 AS attemptNumber,
       ${mayHaveArrived} AS mayHaveArrived, ${lastUnknownAt(mayHaveArrived)} AS lastUnknownAt,
       iif(lead.claim IS NULL, NULL, ${claimedSince}) AS interruptedSince, lead.trace
     FROM lead ${dueLeadJoins} WHERE lead.id IN (SELECT value FROM json_each(?))`,
  );
  const claimLead = new Query(
    database,
    `UPDATE lead SET claim = ?1, claimed_at = ?2, next_attempt_at = ?3, attempts = attempts + 1,
       may_have_arrived = may_have_arrived OR ?4, waits_for = NULL
     WHERE id = ?5`,
  );
  const insertAttempt = insertAttemptQuery(database);

  return ({ claim, limit, lease, exceptTypes }) => {
    const now = Date.now();
    const leads: ClaimedLead[] = [];
    const ids = queue.first(now, limit, undefined, exceptTypes).map(({ id }) => id);
    const found = new Map(claimableLeads.all(JSON.stringify(ids)).map((lead) => [lead.id, lead]));
    for (const id of ids) {
      const claimable = found.get(id);
      if (claimable === undefined) {
        // A lead without a submission, as in a damaged store, must not block the others.
        claimLead.run(claim, now, now + lease, 0, id);
        continue;
      }
      const { interruptedSince, mayHaveArrived, ...lead } = claimable;
      if (interruptedSince !== null)
        insertAttempt.run(lead.id, interruptedSince, now, 'unknown', interruptedResponse, null);
      claimLead.run(claim, now, now + lease, mayHaveArrived, lead.id);
      leads.push({ ...lead, mayHaveArrived: mayHaveArrived === 1 });
    }
    return leads;
  };
}

/** Returns a function that renews leases and returns the ids of the leads that the claim still holds. */
export function leaseRenewer(
  database: DatabaseSync,
): (claim: string, leadIds: readonly string[], lease: number) => string[] {
  const renew = new Query(
    database,
    `UPDATE lead SET next_attempt_at = ? WHERE id = ? AND claim = ? AND state = 'scheduled' AND NOT ${isSuppressed}`,
  );
  const release = new Query(
    database,
    `UPDATE lead SET claim = NULL, attempts = attempts - 1 WHERE id = ? AND claim = ? AND state = 'withdrawing'`,
  );
  return (claim, leadIds, lease) => {
    const end = Date.now() + lease;
    return leadIds.filter((id) => {
      if (renew.run(end, id, claim) > 0) return true;
      release.run(id, claim);
      return false;
    });
  };
}
