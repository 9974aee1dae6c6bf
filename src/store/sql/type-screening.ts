import { stepSize } from '../steps.ts';
import type {
  ScreeningMode,
  ScreeningOfType,
  ScreeningOfTypes,
  ScreeningSetting,
} from '../type-screening.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { namedType } from './lead-types.ts';
import { statement } from './statement.ts';

/** Manages how the numbers of lead types are screened, in a database. */
export function typeScreening(database: SqlDatabase): ScreeningOfTypes {
  return {
    screeningOfTypes: async () => (await database.read(screeningByName)).map(screeningOf),
    setScreening: (type, setting) => database.change(() => setScreening(type, setting)),
    reconsiderScreened: (now) => database.change(() => reconsiderScreened(now)),
  };
}

interface ScreeningRow {
  name: string;
  /** Names, separated by commas. */
  registries: string | null;
  registryOverride: boolean;
  screening: ScreeningMode;
}

const screeningColumns =
  'lead_type.registries, lead_type.registry_override AS "registryOverride", lead_type.screening';

const screeningByName = statement<ScreeningRow>(
  'screening_of_types',
  `SELECT lead_type.name, ${screeningColumns} FROM lead_type
   UNION ALL
   SELECT type_alias.name, ${screeningColumns}
   FROM type_alias JOIN lead_type ON lead_type.id = type_alias.type_id`,
  { registryOverride: true },
);

function screeningOf({ registries: names, ...row }: ScreeningRow): ScreeningOfType {
  return { ...row, registries: names?.split(',') ?? [] };
}

const screeningOfType = statement<ScreeningRow>(
  'screening_of_type',
  `SELECT name, ${screeningColumns} FROM lead_type WHERE id = $1`,
  { registryOverride: true },
);

const updateScreening = statement(
  'set_screening',
  `UPDATE lead_type SET registries = $1, registry_override = (CAST($2 AS integer) = 1), screening = $3
   WHERE id = $4`,
);

function* setScreening(type: string, setting: Partial<ScreeningSetting>): Change<void> {
  const { id } = yield* namedType(type);
  const row = yield* firstRow(screeningOfType, id);
  if (row === undefined) throw new Error('A lead type was removed.');
  const { name, ...before } = screeningOf(row);
  const after = { ...before, ...setting };
  const names = [...new Set(after.registries)].toSorted();
  const stored = names.length === 0 ? null : names.join(',');
  yield* run(updateScreening, stored, Number(after.registryOverride), after.screening, id);
  yield* audit({ kind: 'type', id: name }, audited(before), audited({ ...after, registries: names }));
}

function audited({ registries: names, registryOverride, screening }: ScreeningSetting) {
  return { registries: names, registry_override: registryOverride, screening };
}

const waitingLeads = statement<{ id: string }>(
  'waiting_for_screening',
  ({ lock, inQuery }) => `
    SELECT id FROM lead
    WHERE state = 'scheduled' AND waits_for IS NOT NULL AND waits_for IN ('registry', 'screening')
      AND type_id ${inQuery('SELECT id FROM lead_type')} AND next_attempt_at > $1
    ORDER BY next_attempt_at, id LIMIT $2 ${lock('lead')}`,
);

const makeDue = statement(
  'reconsider_screened',
  ({ inList }) => `
    UPDATE lead SET waits_for = NULL, next_attempt_at = CASE WHEN due_at > $2 THEN due_at ELSE $2 END
    WHERE id ${inList('$1')} AND state = 'scheduled' AND claim IS NULL`,
);

function* reconsiderScreened(now: number): Change<number> {
  yield* auditedByCommand();
  const ids = (yield* run(waitingLeads, now, stepSize)).map(({ id }) => id);
  yield* run(makeDue, ids, now);
  return ids.length;
}
