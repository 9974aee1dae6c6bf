import {
  originName,
  type RemovalStep,
  type RemovedSuppressions,
  type SuppressionOrigin,
} from '../suppressions.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run } from './database.ts';
import { recordEvidence } from './evidence/pending.ts';
import { statement } from './statement.ts';
import { restoreLeads } from './suppressed-leads.ts';
import { evidenceOfRemoval, type RemovedEntry } from './suppression-evidence.ts';

/** Number of entries that are read in one step of removing those of an origin. */
const removalStepSize = 10_000;

const removedColumns = `mobile, source, source_id AS "sourceId", entered_at AS "enteredAt", key_id AS "keyId",
  (SELECT name FROM lead_type WHERE lead_type.id = suppression.type_id) AS type`;

const deleteOfNumber = statement<RemovedEntry>(
  'remove_suppressions',
  ({ inList }) => `DELETE FROM suppression WHERE mobile ${inList('$1')} RETURNING ${removedColumns}`,
);

/** Removes the entries of a number, and of its digests (see `Suppressions.removeSuppressions`). */
export function* removeEntriesOf(
  mobiles: readonly string[],
  isRestoring: boolean,
): Change<RemovedSuppressions> {
  const entries = yield* run(deleteOfNumber, mobiles);
  for (const entry of entries) yield* recordEvidence(evidenceOfRemoval(entry));
  const removed = yield* withLeads(entries, isRestoring);
  yield* audit({ kind: 'suppression', id: null }, { removed: removed.removed }, { scheduled: removed.leads });
  return removed;
}

/** Completes the result of a removal, and schedules the suppressed leads again if that is wanted. */
function* withLeads(removed: readonly RemovedEntry[], isRestoring: boolean): Change<RemovedSuppressions> {
  if (!isRestoring) return { removed: removed.length, leads: [] };
  const entries = removed.map(({ mobile, enteredAt }) => ({ mobile, since: enteredAt }));
  return { removed: removed.length, leads: yield* restoreLeads(entries) };
}

const endOfStep = statement<{ last: string | null; count: number }>(
  'end_of_removal_step',
  `SELECT max(mobile) AS last, count(*) AS count FROM (
     SELECT mobile FROM suppression WHERE mobile > $1 ORDER BY mobile LIMIT $2) AS step`,
);

const deleteOfOrigin = statement<RemovedEntry>(
  'remove_suppressions_of',
  `DELETE FROM suppression WHERE mobile > $1 AND mobile <= $2 AND source = $3 AND source_id = $4
   RETURNING ${removedColumns}`,
);

/** Removes a part of the entries of an origin (see `Suppressions.removeSuppressionsOf`). */
export function* removeStep(
  { source, sourceId }: SuppressionOrigin,
  after: string,
  isRestoring: boolean,
): Change<RemovalStep> {
  const end = yield* firstRow(endOfStep, after, removalStepSize);
  if (end === undefined || end.last === null) return { removed: 0, leads: [], next: undefined };
  const removed = yield* run(deleteOfOrigin, after, end.last, source, sourceId);
  const next = end.count < removalStepSize ? undefined : end.last;
  // The removal of a list is documented as a whole (see `recordRemovedList`).
  const documented = source === 'import' ? [] : removed;
  for (const entry of documented) yield* recordEvidence(evidenceOfRemoval(entry));
  const result = yield* withLeads(removed, isRestoring);
  const id = originName({ source, sourceId });
  if (result.removed === 0) yield* auditedByCommand();
  else yield* audit({ kind: 'suppression', id }, { removed: result.removed }, { scheduled: result.leads });
  return { ...result, next };
}
