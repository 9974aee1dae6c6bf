import type { PersonDigests } from '../keys/person-digests.ts';
import {
  type ImportedLines,
  type ObjectionCap,
  type ObjectionResult,
  originName,
  type PartnerObjection,
  type Suppressed,
  type Suppression,
} from '../suppressions.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run } from './database.ts';
import { recordEvidence } from './evidence/pending.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';
import { suppressLeads } from './suppressed-leads.ts';
import { withoutDigested } from './suppression-digests.ts';
import { evidenceOfImport, evidenceOfObjection, type SentEntry } from './suppression-evidence.ts';
import { typeIdOf } from './type-name.ts';

/** Type of an entry for all lead types. */
const allTypes = 0;

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
  imported?: ImportedLines,
): Change<Suppressed> {
  const ids = new Map<string | undefined, number>([[undefined, allTypes]]);
  for (const { type } of entries) {
    if (type !== undefined && !ids.has(type)) ids.set(type, (yield* namedType(type)).id);
  }
  const typed = entries.map((entry) => ({ ...entry, typeId: ids.get(entry.type) ?? allTypes }));
  const unknown = yield* withoutDigested(typed, digests);
  const added = yield* insert(unknown);
  for (const entry of unknown) {
    // A list can have millions: the entries of an import are documented together.
    if (entry.source !== 'import') yield* recordEvidence(evidenceOfObjection(entry));
  }
  if (imported !== undefined) yield* recordEvidence(evidenceOfImport(imported, added));
  const ended = yield* suppressLeads(entries.map(({ mobile }) => mobile));
  const [first] = entries;
  // An import has many batches, and its command records it as a whole.
  if (first === undefined || first.source === 'import') yield* auditedByCommand();
  else yield* audit({ kind: 'suppression', id: originName(first) }, undefined, { added, ...ended });
  return { added, ...ended };
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

/** Records an objection of a partner (see `Suppressions.recordObjection`). */
export function* recordObjection(
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
    yield* recordEvidence(evidenceOfObjection(entry));
  }
  const isTypeUnknown = type !== undefined && granted === undefined;
  return { outcome: 'recorded', isTypeUnknown, ...(yield* suppressLeads([mobile])) };
}
