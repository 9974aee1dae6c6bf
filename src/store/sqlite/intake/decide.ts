import type { DatabaseSync } from 'node:sqlite';
import { newIdentifier } from '../../../leads/identifier.ts';
import { type ActiveLead, outcomeWithActiveLead } from '../../../leads/lead.ts';
import { dueTimeOf, type Submission } from '../../../leads/submission.ts';
import { containsConsent } from '../../../leads/submitted-fields.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import type { Decision } from '../../sql/operator-actions.ts';
import { listingsOf } from '../../sql/required-registries.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import { digestDecision } from './digest-decision.ts';
import type { FindGrantedType, GrantedType } from './granted-types.ts';

/** Decides on a submission, and creates its lead if it is accepted. Runs in the caller's transaction. */
export type Decide = (submission: Submission) => Decision;

/** The statements that decide on submissions. */
function decisionStatements(database: DatabaseSync) {
  // Without the signs, SQLite would search the list once for each type. It is searched only for a number that is in it.
  const isSuppressed = `EXISTS (
    SELECT 1 FROM suppressed_number WHERE digits = CAST(substr(?3, 2) AS INTEGER) AND EXISTS (
      SELECT 1 FROM suppression WHERE mobile = '+' || digits AND (+type_id = 0 OR +type_id = ?2)))`;
  return {
    insertLead: new Query(
      database,
      `INSERT INTO lead
         (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, trace, waits_for)
       SELECT ?1, ?2, ?3, ?4, ?5, 'scheduled', ?6, ?7, ?7, ?8, ?9 WHERE NOT ${isSuppressed}
       ON CONFLICT (mobile, type_id, ended_order) DO NOTHING`,
    ),
    suppressed: new Query<{ isSuppressed: number }>(
      database,
      `SELECT ${isSuppressed.replaceAll('?3', '?1')} AS isSuppressed`,
    ),
    listed: new Query(database, listingsOf('?1', '?2')),
    activeLead: new Query<ActiveLead & { id: string }>(
      database,
      `SELECT id, state, dialled_at AS dialledAt FROM lead WHERE mobile = ? AND type_id = ? AND ended_order = 0`,
    ),
    supersede: new Query(database, `UPDATE lead SET ended_order = ${nextEndedOrder} WHERE id = ?`),
  };
}

/** Prepares the decision on submissions. */
export function sqliteDecide(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
  digests: PersonDigests,
): Decide {
  const { insertLead, suppressed, listed, activeLead, supersede } = decisionStatements(database);
  const knownByDigest = digestDecision(database, queue, digests);
  const isSuppressed = (mobile: string, typeId: number) =>
    suppressed.first(mobile, typeId)?.isSuppressed === 1;

  /** Whether a registry that the type requires lists the number, and the lead does not override it. */
  function isInRegistry(
    { registries, registryOverride }: GrantedType,
    { mobile, content }: Submission,
  ): boolean {
    if (registries === null || listed.first(mobile, registries) === undefined) return false;
    return registryOverride === 0 || !containsConsent(content);
  }

  /** Decides on a person known by a digest. An objection and an active lead come before an earlier contact. */
  function decidedByDigest(mobile: string, type: GrantedType, now: number): Decision | undefined {
    const known = knownByDigest(mobile, type, now);
    if (known === undefined || known.outcome === 'do-not-call') return known;
    const isDecidedOtherwise =
      isSuppressed(mobile, type.id) || activeLead.first(mobile, type.id) !== undefined;
    return isDecidedOtherwise ? undefined : known;
  }

  return (submission) => {
    const type = grantedType(submission.type, submission.partnerId);
    if (!type?.acceptsLeads) return { outcome: 'unknown-type', leadId: null };
    const { id, partnerId, mobile, trace = null } = submission;
    if (isInRegistry(type, submission)) return { outcome: 'do-not-call', leadId: null };
    const now = Date.now();
    const known = decidedByDigest(mobile, type, now);
    if (known !== undefined) return known;
    const leadId = newIdentifier(now);
    const { dueAt, waitsFor } = dueTimeOf(submission, now);
    const insert = () => insertLead.run(leadId, type.id, mobile, partnerId, id, now, dueAt, trace, waitsFor);
    if (insert() === 1) return { outcome: 'accepted', leadId, dueAt };

    if (isSuppressed(mobile, type.id)) return { outcome: 'do-not-call', leadId: null };
    const active = activeLead.first(mobile, type.id);
    if (active === undefined) throw new Error('A lead was refused as a duplicate, but no lead is active.');
    const outcome = outcomeWithActiveLead(active, type.recontactAfter, now);
    if (outcome !== 'accepted') return { outcome, leadId: active.id };
    supersede.run(active.id);
    insert();
    return { outcome, leadId, dueAt };
  };
}
