import type { DatabaseSync } from 'node:sqlite';
import { newIdentifier } from '../../../leads/identifier.ts';
import { type ActiveLead, outcomeWithActiveLead } from '../../../leads/lead.ts';
import { dueTimeOf, type Submission } from '../../../leads/submission.ts';
import { containsConsent } from '../../../leads/submitted-fields.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import type { Decision } from '../../sql/operator-actions.ts';
import { digestsExist } from '../../sql/person-digests.ts';
import { listingsOf } from '../../sql/required-registries.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import { digestDecision } from './digest-decision.ts';
import type { FindGrantedType, GrantedType } from './granted-types.ts';
import { refusalRecorder } from './refusal.ts';

/** Decides on a submission, and creates its lead if it is accepted. Runs in the caller's transaction. */
export type Decide = (submission: Submission) => Decision;

const doNotCall: Decision = { outcome: 'do-not-call', leadId: null };

/** Which lists contain anything (0 or 1). */
interface FilledLists {
  /** The do-not-call list. */
  numbers: number;
  /** Digests by which people are recognised. */
  digests: number;
}

/** Returns a function that reads which lists contain anything, once in each transaction: an empty list is not searched. */
function filledListsLookup(database: DatabaseSync, queue: CommitQueue): () => FilledLists {
  const cache = queue.cache<FilledLists>();
  const query = new Query<FilledLists>(
    database,
    `SELECT EXISTS (SELECT 1 FROM suppressed_number) AS numbers, ${digestsExist} AS digests`,
  );
  const read = () => query.first();
  return () => cache.get('', read) ?? { numbers: 1, digests: 1 };
}

/** Returns the insertion of a lead. @param columns those that not every lead has @param values theirs */
function insertionOf(columns: string, values: string): string {
  return `INSERT INTO lead
       (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, trace, waits_for${columns})
     VALUES (?1, ?2, ?3, ?4, ?5, 'scheduled', ?6, ?7, ?7, ?8, ?9${values})
     ON CONFLICT (mobile, type_id, ended_order) DO NOTHING`;
}

/** The statements that decide on submissions. */
function decisionStatements(database: DatabaseSync) {
  return {
    // No SELECT with the search of the list: the table has a trigger, so SQLite would build a temporary table for its row.
    insertLead: new Query(database, insertionOf('', '')),
    // Most leads have neither, and every value takes time.
    insertScheduled: new Query(database, insertionOf(', expires_at, priority', ', ?10, ?11')),
    // Without the signs, SQLite would search the list once for each type. It is searched only for a number that is in it.
    suppressed: new Query(
      database,
      `SELECT 1 FROM suppressed_number WHERE digits = CAST(substr(?1, 2) AS INTEGER) AND EXISTS (
         SELECT 1 FROM suppression WHERE mobile = '+' || digits AND (+type_id = 0 OR +type_id = ?2))`,
    ),
    listed: new Query(database, listingsOf('= ?1', '?2')),
    activeLead: new Query<ActiveLead & { id: string }>(
      database,
      `SELECT id, state, dialled_at AS dialledAt FROM lead WHERE mobile = ? AND type_id = ? AND ended_order = 0`,
    ),
    supersede: new Query(database, `UPDATE lead SET ended_order = ${nextEndedOrder} WHERE id = ?`),
  };
}

/** Whether a lead is accepted although a registry lists its number. */
function overridesRegistries({ registryOverride }: GrantedType, content: string): boolean {
  return registryOverride === 1 && containsConsent(content);
}

/** Prepares the search of the lists that refuse a person. */
function listSearch(
  { suppressed, listed, activeLead }: ReturnType<typeof decisionStatements>,
  filledLists: () => FilledLists,
  digests: PersonDigests,
  knownByDigest: ReturnType<typeof digestDecision>,
) {
  return {
    /** Whether a registry that the type requires lists the number, and the lead does not override it. */
    isInRegistry(type: GrantedType, { mobile, content }: Submission): boolean {
      const { registries } = type;
      if (registries === null) return false;
      const isListed = (number: string) => listed.first(number, registries) !== undefined;
      const isFound = isListed(mobile) || (filledLists().digests === 1 && digests.of(mobile).some(isListed));
      return isFound && !overridesRegistries(type, content);
    },
    /** Decides on a person whom a list or a digest contains. An active lead comes before an earlier contact. */
    decidedByLists(mobile: string, type: GrantedType, now: number): Decision | undefined {
      const { numbers, digests } = filledLists();
      if (numbers === 1 && suppressed.first(mobile, type.id) !== undefined) return doNotCall;
      const known = digests === 1 ? knownByDigest(mobile, type, now) : undefined;
      if (known === undefined || known.outcome === 'do-not-call') return known;
      return activeLead.first(mobile, type.id) === undefined ? known : undefined;
    },
  };
}

/** Prepares the decision on submissions. */
export function sqliteDecide(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
  digests: PersonDigests,
): Decide {
  const statements = decisionStatements(database);
  const { insertLead, insertScheduled, activeLead, supersede } = statements;
  const knownByDigest = digestDecision(database, digests);
  const { isInRegistry, decidedByLists } = listSearch(
    statements,
    filledListsLookup(database, queue),
    digests,
    knownByDigest,
  );
  const recordRefusal = refusalRecorder(database, digests);

  function decide(submission: Submission, type: GrantedType): Decision {
    const { id, partnerId, mobile, trace = null, expiresAt, priority } = submission;
    if (isInRegistry(type, submission)) return doNotCall;
    const now = Date.now();
    const known = decidedByLists(mobile, type, now);
    if (known !== undefined) return known;
    const leadId = newIdentifier(now);
    const { dueAt, waitsFor } = dueTimeOf(submission, now);
    const isOrdinary = expiresAt === undefined && priority === undefined;
    const values = [leadId, type.id, mobile, partnerId, id, now, dueAt, trace, waitsFor] as const;
    const insert = () =>
      isOrdinary
        ? insertLead.run(...values)
        : insertScheduled.run(...values, expiresAt ?? null, priority ?? 0);
    if (insert() === 1) return { outcome: 'accepted', leadId, dueAt };

    const active = activeLead.first(mobile, type.id);
    if (active === undefined) throw new Error('A lead was refused as a duplicate, but no lead is active.');
    const outcome = outcomeWithActiveLead(active, type.recontactAfter, now);
    if (outcome !== 'accepted') return { outcome, leadId: active.id };
    supersede.run(active.id);
    insert();
    return { outcome, leadId, dueAt };
  }

  return (submission) => {
    const type = grantedType(submission.type, submission.partnerId);
    if (!type?.acceptsLeads) return { outcome: 'unknown-type', leadId: null };
    const decision = decide(submission, type);
    if (decision.outcome === 'do-not-call') {
      recordRefusal(submission, type, overridesRegistries(type, submission.content) ? null : type.registries);
    }
    return decision;
  };
}
