import { UserError } from '../../errors/user-error.ts';
import { defaultMaxAge } from '../../leads/registry-age.ts';
import { formatDate } from '../../text/time.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import type {
  CompletedList,
  ListedNumber,
  NumberRegistries,
  RegistryListing,
  RegistryRecord,
} from '../number-registries.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { recordGap } from './delivery-gaps.ts';
import { recordEvidence } from './evidence/pending.ts';
import { digestsExist, searchNumbers } from './person-digests.ts';
import { isNamedIn } from './required-registries.ts';
import { statement } from './statement.ts';

/** Keeps the lists of registries in a database. */
export function numberRegistries(database: SqlDatabase, digests: PersonDigests): NumberRegistries {
  return {
    registries: () => registries(database),
    beginRegistryList: (registry, datedAt, maxAge) =>
      database.change(() => beginList(registry, datedAt, maxAge)),
    addToRegistryList: (id, mobiles) => database.change(() => addToList(id, mobiles)),
    completeRegistryList: (id, operator) => database.change(() => completeList(id, operator)),
    removeReplacedNumbers: (after) => database.change(() => removeStep(after)),
    listedNumbers: (leadIds, numbers) => listedNumbers(database, digests, leadIds, numbers),
    registriesOf: (mobile) => database.read(registriesOf, digests.withDigests(mobile)),
  };
}

/** Number of rows that are read in one step of removing replaced lists. */
const removalStepSize = 10_000;

type ListRow = Omit<RegistryRecord, 'types'>;

const allRegistries = statement<ListRow>(
  'number_registries',
  `SELECT registry.name, registry.max_age AS "maxAge", registry_list.dated_at AS "datedAt",
     registry_list.completed_at AS "importedAt", registry_list.size
   FROM registry LEFT JOIN registry_list ON registry_list.id = registry.list_id`,
);

const requiringTypes = statement<{ name: string; registries: string }>(
  'types_with_registries',
  'SELECT name, registries FROM lead_type WHERE registries IS NOT NULL AND retired_at IS NULL ORDER BY name',
);

async function registries(database: SqlDatabase): Promise<RegistryRecord[]> {
  const known = new Map((await database.read(allRegistries)).map((row) => [row.name, row]));
  const types = new Map<string, string[]>([...known.keys()].map((name) => [name, []]));
  for (const { name: type, registries: names } of await database.read(requiringTypes)) {
    for (const name of names.split(',')) types.set(name, [...(types.get(name) ?? []), type]);
  }
  return [...types.keys()].toSorted().map((name) => ({
    ...(known.get(name) ?? {
      name,
      maxAge: defaultMaxAge(name),
      datedAt: null,
      importedAt: null,
      size: null,
    }),
    types: types.get(name) ?? [],
  }));
}

/** Locks the registry until the change has ended, so that two imports of it get different lists. */
const upsertRegistry = statement(
  'upsert_registry',
  `INSERT INTO registry (name, max_age) VALUES ($1, $2)
   ON CONFLICT (name) DO UPDATE SET max_age = CASE WHEN CAST($3 AS integer) = 1 THEN $2 ELSE registry.max_age END`,
);

const listInForce = statement<{ id: number; datedAt: number; maxAge: number }>(
  'registry_list_in_force',
  `SELECT registry_list.id, registry_list.dated_at AS "datedAt", registry.max_age AS "maxAge" FROM registry
   JOIN registry_list ON registry_list.id = registry.list_id WHERE registry.name = $1`,
);

const insertList = statement<{ id: number }>(
  'insert_registry_list',
  `INSERT INTO registry_list (registry, dated_at, started_at, size) VALUES ($1, $2, $3, 0) RETURNING id`,
);

function* beginList(registry: string, datedAt: number, maxAge: number | undefined): Change<number> {
  const isMaxAgeGiven = Number(maxAge !== undefined);
  yield* run(upsertRegistry, registry, maxAge ?? defaultMaxAge(registry), isMaxAgeGiven);
  const current = yield* firstRow(listInForce, registry);
  if (current !== undefined && current.datedAt > datedAt) {
    throw new UserError(
      `The list of registry ${JSON.stringify(registry)} in force is newer: its date is ${formatDate(current.datedAt)}. Check --date.`,
    );
  }
  // The command records the import once it is complete.
  yield* auditedByCommand();
  const list = yield* firstRow(insertList, registry, datedAt, Date.now());
  if (list === undefined) throw new Error('A list was not inserted.');
  return list.id;
}

/** In the order of the key, so that two imports cannot deadlock. */
const insertNumbers = statement<{ mobile: string }>(
  'insert_registry_entries',
  ({ records }) => `
    INSERT INTO registry_entry (mobile, list_id)
    SELECT mobile, $2 FROM ${records('$1', { mobile: 'text' })} WHERE true ORDER BY mobile
    ON CONFLICT (mobile, list_id) DO NOTHING RETURNING mobile`,
);

/** Locks the list, so that it is not completed or removed meanwhile. */
const growList = statement<{ id: number }>(
  'grow_registry_list',
  `UPDATE registry_list SET size = size + $2 WHERE id = $1 AND completed_at IS NULL RETURNING id`,
);

function* addToList(id: number, mobiles: readonly string[]): Change<number> {
  yield* auditedByCommand();
  if ((yield* firstRow(growList, id, 0)) === undefined) throw replacedMeanwhile();
  const rows = mobiles.map((mobile) => ({ mobile }));
  const added = (yield* run(insertNumbers, JSON.stringify(rows), id)).length;
  yield* run(growList, id, added);
  return added;
}

const completedList = statement<{ registry: string; datedAt: number; size: number }>(
  'complete_registry_list',
  `UPDATE registry_list SET completed_at = $2 WHERE id = $1 AND completed_at IS NULL
   RETURNING registry, dated_at AS "datedAt", size`,
);

const putInForce = statement(
  'put_registry_list_in_force',
  'UPDATE registry SET list_id = $2 WHERE name = $1',
);

function* completeList(id: number, operator: string | undefined): Change<CompletedList> {
  const list = yield* firstRow(completedList, id, Date.now());
  if (list === undefined) throw replacedMeanwhile();
  const { registry, datedAt, size } = list;
  const replaced = yield* firstRow(listInForce, registry);
  // The numbers of a list that was begun before the one in force may be removed already.
  if (replaced !== undefined && (replaced.id > id || replaced.datedAt > datedAt)) throw replacedMeanwhile();
  yield* run(putInForce, registry, id);
  yield* recordMissingList(registry, replaced);
  const replacedDate = replaced?.datedAt ?? null;
  const before = replacedDate === null ? undefined : { date: formatDate(replacedDate) };
  yield* recordEvidence({
    kind: 'import',
    mobile: null,
    happenedAt: Date.now(),
    content: {
      registry,
      list_date: formatDate(datedAt),
      numbers: size,
      replaces: replacedDate === null ? null : formatDate(replacedDate),
      imported_by: operator ?? null,
    },
  });
  yield* audit({ kind: 'registry', id: registry }, before, { date: formatDate(datedAt), numbers: size });
  return { size, replacedDate };
}

/** Records the time in which the leads of types that require a registry waited for this list: DIAL_WITHIN leaves it out. */
function* recordMissingList(
  registry: string,
  replaced: { datedAt: number; maxAge: number } | undefined,
): Change<void> {
  const start = replaced === undefined ? 0 : replaced.datedAt + replaced.maxAge;
  for (const { name, registries: names } of yield* run(requiringTypes)) {
    if (names.split(',').includes(registry)) yield* recordGap(name, start, Date.now());
  }
}

function replacedMeanwhile(): UserError {
  return new UserError(
    'Another import has replaced the list meanwhile. Run `leads suppression registries` to see which list is in force.',
  );
}

/** Condition: whether a list can no longer come into force. Later lists may still be imported. */
const isReplaced = `registry_list.id < coalesce(
    (SELECT registry.list_id FROM registry WHERE registry.name = registry_list.registry), 0)`;

/** A text that sorts after every phone number and digest. */
const end = '~';

const entriesAfter = statement<{ mobile: string }>(
  'registry_entries_after',
  'SELECT mobile FROM registry_entry WHERE mobile > $1 ORDER BY mobile LIMIT $2',
);

const deleteReplaced = statement(
  'delete_replaced_entries',
  ({ inQuery }) => `
    DELETE FROM registry_entry WHERE mobile > $1 AND mobile <= $2
      AND NOT list_id ${inQuery(`SELECT id FROM registry_list WHERE NOT ${isReplaced}`)}`,
);

const deleteLists = statement('delete_replaced_lists', `DELETE FROM registry_list WHERE ${isReplaced}`);

function* removeStep(after: string): Change<{ next: string | undefined }> {
  yield* auditedByCommand();
  const page = yield* run(entriesAfter, after, removalStepSize);
  const isLast = page.length < removalStepSize;
  const next = isLast ? undefined : page.at(-1)?.mobile;
  yield* run(deleteReplaced, after, next ?? end);
  if (isLast) yield* run(deleteLists);
  return { next };
}

/** A number in a list; all null: the store contains digests. */
type ListedRow = ListedNumber | { [Member in keyof ListedNumber]: null };

const listedAmong = statement<ListedRow>(
  'listed_numbers',
  ({ inList }) => `
    SELECT lead.id AS "leadId", registry_entry.mobile, registry.name AS registry,
      registry_list.dated_at AS "datedAt"
    FROM registry_entry JOIN registry ON registry.list_id = registry_entry.list_id
    JOIN registry_list ON registry_list.id = registry.list_id
    JOIN lead_type ON ${isNamedIn('lead_type.registries')}
    JOIN lead ON lead.type_id = lead_type.id
    WHERE registry_entry.mobile ${inList('$2')} AND lead.id ${inList('$1')}
    UNION ALL SELECT NULL, NULL, NULL, NULL WHERE ${digestsExist}`,
);

async function listedNumbers(
  database: SqlDatabase,
  digests: PersonDigests,
  leadIds: readonly string[],
  numbers: readonly string[],
): Promise<ListedNumber[]> {
  if (leadIds.length === 0) return [];
  const rows = await searchNumbers(digests, numbers, (mobiles) =>
    database.read(listedAmong, leadIds, mobiles),
  );
  return rows.filter((row) => row.registry !== null);
}

const registriesOf = statement<RegistryListing>(
  'registries_of',
  ({ inList }) => `
    SELECT registry.name AS registry, registry_list.dated_at AS "datedAt",
      registry_list.completed_at AS "importedAt"
    FROM registry JOIN registry_list ON registry_list.id = registry.list_id
    WHERE EXISTS (
      SELECT 1 FROM registry_entry
      WHERE registry_entry.mobile ${inList('$1')} AND registry_entry.list_id = registry.list_id)
    ORDER BY registry.name`,
);
