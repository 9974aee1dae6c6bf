import type { PersonDigests } from '../keys/person-digests.ts';
import { inPages } from '../pages.ts';
import type {
  SuppressedLeads,
  SuppressionCount,
  SuppressionFilter,
  SuppressionRecord,
  Suppressions,
} from '../suppressions.ts';
import { auditedByCommand } from './audit.ts';
import type { Change, SqlDatabase } from './database.ts';
import { addSuppressions, recordObjection } from './enter-suppressions.ts';
import { removeEntriesOf, removeStep } from './remove-suppressions.ts';
import { statement } from './statement.ts';
import { leadsInFlight, suppressClaimed, suppressedNumbers, suppressLeads } from './suppressed-leads.ts';
import { recordRemovedList } from './suppression-evidence.ts';
import type { WithdrawalEvents } from './withdrawals/events.ts';

/** Keeps the do-not-call list in a database: lists it here, and enters, removes and applies entries in the files next to it. */
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
    addSuppressions: (entries, imported) => change(() => addSuppressions(entries, digests, imported)),
    recordObjection: (objection, cap) => change(() => recordObjection(objection, cap, digests)),
    suppressLeads: (mobiles) => change(() => suppressAgain(mobiles)),
    recordRemovedList: (record) => database.change(() => recordRemovedList(record)),
    suppressionsOf: (mobile) => entriesOf(database, digests.withDigests(mobile), {}, maxOfNumber),
    suppressions: (filter, limit) => listSuppressions(database, digests, filter, limit),
    countSuppressions: () => database.read(countOfOrigins),
    removeSuppressions: ({ mobile }, isRestoring) =>
      database.change(() => removeEntriesOf(digests.withDigests(mobile), isRestoring)),
    removeSuppressionsOf: (origin, after, isRestoring) =>
      database.change(() => removeStep(origin, after, isRestoring)),
    suppressedNumbers: (leadIds, numbers) => suppressedNumbers(database, digests, leadIds, numbers),
    suppressClaimed: (claim, leadIds) => change(() => suppressClaimed(claim, leadIds)),
    leadsInFlight: () => leadsInFlight(database),
  };
}

/** Suppresses leads of numbers whose entry the audit log contains. */
function* suppressAgain(mobiles: readonly string[]): Change<SuppressedLeads> {
  yield* auditedByCommand();
  return yield* suppressLeads(mobiles);
}

/** Maximum number of entries of one number that are read: more than any number has. */
const maxOfNumber = 10_000;

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
