import { formatTime } from '../../text/time.ts';
import type { NewEvidence } from '../evidence/evidence.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import { inPages } from '../pages.ts';
import type {
  ImportRecord,
  ObjectionCap,
  ObjectionResult,
  PartnerObjection,
  RemovalStep,
  RemovedSuppressions,
  Suppressed,
  SuppressedLeads,
  Suppression,
  SuppressionCount,
  SuppressionFilter,
  SuppressionOrigin,
  SuppressionRecord,
  Suppressions,
} from '../suppressions.ts';
import { audit, auditedBefore } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { recordEvidence } from './evidence/pending.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';
import {
  leadsInFlight,
  restoreLeads,
  suppressClaimed,
  suppressedNumbers,
  suppressLeads,
} from './suppressed-leads.ts';
import { withoutDigested } from './suppression-digests.ts';
import { typeIdOf } from './type-name.ts';
import type { WithdrawalEvents } from './withdrawals.ts';

/** Keeps the do-not-call list in a database. */
export function suppressions(
  database: SqlDatabase,
  digests: PersonDigests,
  events: WithdrawalEvents,
): Suppressions {
  const change = async <Result extends object>(begin: () => Change<Result>) => {
    const result = await database.change(begin);
    if ('withdrawals' in result) events.emit();
    return result;
  };
  return {
    addSuppressions: (entries) => change(() => addSuppressions(entries, digests)),
    recordObjection: (objection, cap) => change(() => recordObjection(objection, cap, digests)),
    suppressLeads: (mobiles) => change(() => suppressAgain(mobiles)),
    recordImport: (record) => database.change(() => recordImport(record)),
    suppressionsOf: (mobile) => entriesOf(database, digests.withDigests(mobile), {}, maxOfNumber),
    suppressions: (filter, limit) => listSuppressions(database, digests, filter, limit),
    countSuppressions: () => database.read(countOfOrigins),
    removeSuppressions: ({ mobile }, isRestoring) =>
      database.change(() => removeOf(digests.withDigests(mobile), isRestoring)),
    removeSuppressionsOf: (origin, after, isRestoring) =>
      database.change(() => removeStep(origin, after, isRestoring)),
    suppressedNumbers: (leadIds, numbers) => suppressedNumbers(database, digests, leadIds, numbers),
    suppressClaimed: (claim, leadIds) => change(() => suppressClaimed(claim, leadIds)),
    leadsInFlight: () => leadsInFlight(database),
  };
}

/** Names an origin in the audit log, such as `partner acme`. */
function nameOf({ source, sourceId }: SuppressionOrigin): string {
  return `${source} ${sourceId}`.trimEnd();
}

function* recordImport({ list, operator, imported, removed }: ImportRecord): Change<void> {
  // The command has recorded itself, or its steps.
  yield* auditedBefore();
  const what =
    imported === undefined
      ? { removed: true, entries: removed ?? 0, removed_by: operator }
      : {
          file: imported.file,
          lines: imported.lines,
          added: imported.added,
          imported_by: operator,
          ...(!imported.isComplete && { interrupted: true }),
        };
  yield* recordEvidence({
    kind: 'import',
    mobile: null,
    happenedAt: Date.now(),
    content: { list, ...what },
  });
}

/** Suppresses leads of numbers whose entry the audit log contains. */
function* suppressAgain(mobiles: readonly string[]): Change<SuppressedLeads> {
  yield* auditedBefore();
  return yield* suppressLeads(mobiles);
}

/** Type of an entry for all lead types. */
const allTypes = 0;

/** More than any number has entries. */
const maxOfNumber = 10_000;

/** Number of entries that are read in one step of removing those of an origin. */
const removalStepSize = 10_000;

/** In the order of the key, so that two changes that enter the same numbers cannot deadlock. */
const insertEntries = statement<{ mobile: string }>(
  'add_suppressions',
  ({ records }) => `
    INSERT INTO suppression (mobile, type_id, source, source_id, reason, objected_at, entered_at, key_id)
    SELECT mobile, type_id, source, source_id, reason, objected_at, $2, key_id FROM ${records('$1', {
      mobile: 'text',
      type_id: 'bigint',
      source: 'text',
      source_id: 'text',
      reason: 'text',
      objected_at: 'bigint',
      key_id: 'text',
    })}
    WHERE true ORDER BY mobile, type_id, source, source_id
    ON CONFLICT (mobile, type_id, source, source_id) DO NOTHING RETURNING mobile`,
);

/** An entry, with the id of the key if a partner sent it. */
interface SentEntry extends Suppression {
  keyId?: string;
}

/** Inserts entries whose types are known by their ids. Returns their number without those that existed. */
function* insert(entries: readonly (SentEntry & { typeId: number })[]): Change<number> {
  const rows = entries.map(({ mobile, typeId, source, sourceId, reason, objectedAt, keyId }) => ({
    mobile,
    type_id: typeId,
    source,
    source_id: sourceId,
    // PostgreSQL's `json` cannot hold the rest.
    reason: reason?.toWellFormed().replaceAll('\0', '\ufffd'),
    objected_at: objectedAt,
    key_id: keyId,
  }));
  return (yield* run(insertEntries, JSON.stringify(rows), Date.now())).length;
}

/** Enters numbers within a change (see `Suppressions.addSuppressions`). Call `onWithdrawal` listeners afterwards. */
export function* addSuppressions(
  entries: readonly Suppression[],
  digests: PersonDigests,
): Change<Suppressed> {
  const ids = new Map<string | undefined, number>([[undefined, allTypes]]);
  for (const { type } of entries) {
    if (type !== undefined && !ids.has(type)) ids.set(type, (yield* namedType(type)).id);
  }
  const typed = entries.map((entry) => ({ ...entry, typeId: ids.get(entry.type) ?? allTypes }));
  const unknown = yield* withoutDigested(typed, digests);
  const added = yield* insert(unknown);
  for (const entry of unknown) {
    // A list can have millions: its import is documented as a whole (see `recordImport`).
    if (entry.source !== 'import') yield* recordEvidence(evidenceOf(entry));
  }
  const ended = yield* suppressLeads(entries.map(({ mobile }) => mobile));
  const [first] = entries;
  // An import has many batches, and its command records it as a whole.
  if (first === undefined || first.source === 'import') yield* auditedBefore();
  else yield* audit({ kind: 'suppression', id: nameOf(first) }, undefined, { added, ...ended });
  return { added, ...ended };
}

/** Returns the evidence of an objection, which takes effect when it is committed. */
function evidenceOf({ mobile, type, source, sourceId, reason, objectedAt, keyId }: SentEntry): NewEvidence {
  return {
    kind: 'objection',
    mobile,
    happenedAt: objectedAt,
    content: {
      channel: source,
      entered_by: sourceId === '' ? null : sourceId,
      key_id: keyId ?? null,
      lead_type: type ?? 'all',
      reason: reason ?? null,
      effective_at: formatTime(Date.now()),
    },
  };
}

/** Returns the evidence of the removal of an entry: without it, a later call would seem to ignore the objection. */
function evidenceOfRemoval({ mobile, type, source, sourceId, enteredAt, keyId }: RemovedEntry): NewEvidence {
  return {
    kind: 'objection',
    mobile,
    happenedAt: Date.now(),
    content: {
      removed: true,
      channel: source,
      entered_by: sourceId === '' ? null : sourceId,
      key_id: keyId,
      lead_type: type ?? 'all',
      entered_at: formatTime(enteredAt),
    },
  };
}

/** Types whose grant was revoked are included: the partner may have sent leads of them. */
const typeOfPartner = statement<{ id: number }>(
  'type_of_partner',
  `SELECT granted_type.type_id AS id FROM granted_type JOIN partner ON partner.id = granted_type.partner_id
   WHERE partner.name = $1 AND granted_type.type_id = ${typeIdOf('$2')}`,
);

const existingObjection = statement(
  'existing_objection',
  ({ inList }) =>
    `SELECT 1 FROM suppression WHERE mobile ${inList('$1')} AND type_id = $2 AND source = 'partner' AND source_id = $3`,
);

const recentObjections = statement<{ count: number }>(
  'recent_objections',
  `SELECT count(*) AS count FROM (
     SELECT 1 FROM suppression WHERE source = 'partner' AND source_id = $1 AND entered_at >= $2 LIMIT $3) AS recent`,
);

function* recordObjection(
  objection: PartnerObjection,
  cap: ObjectionCap,
  digests: PersonDigests,
): Change<ObjectionResult> {
  const { partner, keyId, mobile, type, reason, receivedAt } = objection;
  const granted = type === undefined ? undefined : yield* firstRow(typeOfPartner, partner, type);
  const typeId = granted?.id ?? allTypes;
  if ((yield* firstRow(existingObjection, digests.withDigests(mobile), typeId, partner)) === undefined) {
    const recent = yield* firstRow(recentObjections, partner, cap.since, cap.max);
    if ((recent?.count ?? 0) >= cap.max) return { outcome: 'over-cap' };
    const origin = { source: 'partner', sourceId: partner } as const;
    const entry = { ...origin, mobile, type, reason, objectedAt: receivedAt, keyId };
    yield* insert([{ ...entry, typeId }]);
    yield* recordEvidence(evidenceOf(entry));
  }
  const isTypeUnknown = type !== undefined && granted === undefined;
  return { outcome: 'recorded', isTypeUnknown, ...(yield* suppressLeads([mobile])) };
}

/** A row of the list, with the columns of its key. */
type SuppressionRow = Omit<SuppressionRecord, 'type' | 'reason' | 'keyId'> & {
  typeId: number;
  type: string | null;
  reason: string | null;
  keyId: string | null;
};

const columns = `suppression.mobile, suppression.type_id AS "typeId", lead_type.name AS type, suppression.source,
  suppression.source_id AS "sourceId", suppression.reason, suppression.objected_at AS "objectedAt",
  suppression.entered_at AS "enteredAt", suppression.key_id AS "keyId"`;

const entriesAfter = statement<SuppressionRow>(
  'suppressions',
  `SELECT ${columns} FROM suppression LEFT JOIN lead_type ON lead_type.id = suppression.type_id
   WHERE (suppression.mobile, suppression.type_id, suppression.source, suppression.source_id) > ($1, $2, $3, $4)
     AND (CAST($5 AS text) IS NULL OR suppression.source = $5)
     AND (CAST($6 AS text) IS NULL OR suppression.source_id = $6)
   ORDER BY suppression.mobile, suppression.type_id, suppression.source, suppression.source_id LIMIT $7`,
);

const entriesOfNumber = statement<SuppressionRow>(
  'suppressions_of',
  ({
    inList,
  }) => `SELECT ${columns} FROM suppression LEFT JOIN lead_type ON lead_type.id = suppression.type_id
   WHERE suppression.mobile ${inList('$1')} AND (CAST($2 AS text) IS NULL OR suppression.source = $2)
     AND (CAST($3 AS text) IS NULL OR suppression.source_id = $3)
   ORDER BY suppression.type_id, suppression.source, suppression.source_id LIMIT $4`,
);

async function* listSuppressions(
  database: SqlDatabase,
  digests: PersonDigests,
  { mobile, source, sourceId }: SuppressionFilter,
  limit: number,
): AsyncGenerator<SuppressionRecord> {
  const restriction = [source ?? null, sourceId ?? null];
  if (mobile !== undefined) {
    yield* await entriesOf(database, digests.withDigests(mobile), { source, sourceId }, limit);
    return;
  }
  const rows = inPages<SuppressionRow>(limit, (last, size) => {
    const after =
      last === undefined ? ['', 0, '', ''] : [last.mobile, last.typeId, last.source, last.sourceId];
    return database.read(entriesAfter, ...after, ...restriction, size);
  });
  for await (const row of rows) yield recordOf(row);
}

/** Returns the entries of a number, and of its digests. */
async function entriesOf(
  database: SqlDatabase,
  mobiles: readonly string[],
  { source, sourceId }: { source?: string | undefined; sourceId?: string | undefined },
  limit: number,
): Promise<SuppressionRecord[]> {
  const rows = await database.read(entriesOfNumber, mobiles, source ?? null, sourceId ?? null, limit);
  return rows.map(recordOf);
}

function recordOf({ typeId: _, type, reason, keyId, ...entry }: SuppressionRow): SuppressionRecord {
  return { ...entry, type: type ?? undefined, reason: reason ?? undefined, keyId: keyId ?? undefined };
}

const countOfOrigins = statement<SuppressionCount>(
  'count_suppressions',
  `SELECT source, source_id AS "sourceId", count(*) AS count FROM suppression
   GROUP BY source, source_id ORDER BY source, source_id`,
);

/** An entry that was removed. */
type RemovedEntry = Pick<SuppressionRecord, 'mobile' | 'source' | 'sourceId' | 'enteredAt'> & {
  type: string | null;
  keyId: string | null;
};

const removedColumns = `mobile, source, source_id AS "sourceId", entered_at AS "enteredAt", key_id AS "keyId",
  (SELECT name FROM lead_type WHERE lead_type.id = suppression.type_id) AS type`;

const deleteOfNumber = statement<RemovedEntry>(
  'remove_suppressions',
  ({ inList }) => `DELETE FROM suppression WHERE mobile ${inList('$1')} RETURNING ${removedColumns}`,
);

function* removeOf(mobiles: readonly string[], isRestoring: boolean): Change<RemovedSuppressions> {
  const entries = yield* run(deleteOfNumber, mobiles);
  for (const entry of entries) yield* recordEvidence(evidenceOfRemoval(entry));
  const removed = yield* withLeads(entries, isRestoring);
  yield* audit({ kind: 'suppression', id: null }, { removed: removed.removed }, { scheduled: removed.leads });
  return removed;
}

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

function* removeStep(
  { source, sourceId }: SuppressionOrigin,
  after: string,
  isRestoring: boolean,
): Change<RemovalStep> {
  const end = yield* firstRow(endOfStep, after, removalStepSize);
  if (end === undefined || end.last === null) return { removed: 0, leads: [], next: undefined };
  const removed = yield* run(deleteOfOrigin, after, end.last, source, sourceId);
  const next = end.count < removalStepSize ? undefined : end.last;
  // As for entries that are added.
  const documented = source === 'import' ? [] : removed;
  for (const entry of documented) yield* recordEvidence(evidenceOfRemoval(entry));
  const result = yield* withLeads(removed, isRestoring);
  const id = nameOf({ source, sourceId });
  if (result.removed === 0) yield* auditedBefore();
  else yield* audit({ kind: 'suppression', id }, { removed: result.removed }, { scheduled: result.leads });
  return { ...result, next };
}
