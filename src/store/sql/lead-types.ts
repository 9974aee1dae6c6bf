import type { CallingHoursSetting } from '../../leads/calling-hours/calling-hours.ts';
import type { LeadTypeRecord, LeadTypes } from '../lead-types.ts';
import { userErrors } from '../user-errors.ts';
import { audit } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { membersByName } from './members-by-name.ts';
import { statement } from './statement.ts';
import {
  auditedHours,
  type CallingHoursRow,
  callingHoursColumns,
  callingHoursOf,
  callingHoursValues,
} from './type-hours.ts';
import { typeIdOf } from './type-name.ts';

/** Manages the lead types in a database. */
export function leadTypes(database: SqlDatabase): LeadTypes {
  return {
    addType: (name, recontactAfter, callingHours = 'always') =>
      database.change(() => addType(name, recontactAfter, callingHours)),
    types: () => types(database),
    setRecontactAfter: (type, recontactAfter) =>
      database.change(() => setRecontactAfter(type, recontactAfter)),
    setConsentRequired: (type, isRequired) => database.change(() => setConsentRequired(type, isRequired)),
    setWithdraws: (type, withdraws) => database.change(() => setWithdraws(type, withdraws)),
    renameType: (name, newName) => database.change(() => renameType(name, newName)),
    retireType: (type) => database.change(() => retireType(type)),
    unretireType: (type) => database.change(() => unretireType(type)),
  };
}

const insertType = statement<{ id: number }>(
  'insert_type',
  `INSERT INTO lead_type (name, recontact_after, created_at, calling_hours, calling_zone, calling_country, holidays)
   VALUES ($1, $2, $3, $4, $5, $6, $7)
   ON CONFLICT (name) DO NOTHING RETURNING id`,
);

const typeOfFormerName = statement<{ id: number; name: string }>(
  'type_of_former_name',
  `SELECT lead_type.id, lead_type.name FROM type_alias JOIN lead_type ON lead_type.id = type_alias.type_id
   WHERE type_alias.name = $1`,
);

/** Adds a lead type. Returns false if there is one of this name. */
export function* addTypeIfNew(
  name: string,
  recontactAfter: number | null,
  callingHours: CallingHoursSetting,
): Change<boolean> {
  const values = [recontactAfter, Date.now(), ...callingHoursValues(callingHours)];
  if ((yield* firstRow(insertType, name, ...values)) === undefined) return false;
  // Checked last: the insertion waits for a rename in progress, which makes the name a former one.
  const renamed = yield* firstRow(typeOfFormerName, name);
  if (renamed !== undefined) throw userErrors.formerName(name, renamed.name);
  return true;
}

function* addType(
  name: string,
  recontactAfter: number | null,
  callingHours: CallingHoursSetting,
): Change<void> {
  if (!(yield* addTypeIfNew(name, recontactAfter, callingHours))) throw userErrors.typeExists(name);
  const after = { recontact_after: recontactAfter, ...auditedHours(callingHours) };
  yield* audit({ kind: 'type', id: name }, undefined, after);
}

const typesWithPartners = statement<
  Omit<LeadTypeRecord, 'partners' | 'formerNames' | 'callingHours' | 'registries'> &
    CallingHoursRow & { member: string | null; requiredRegistries: string | null }
>(
  'types',
  `SELECT lead_type.name, recontact_after AS "recontactAfter", lead_type.created_at AS "createdAt",
     retired_at AS "retiredAt", consent_required AS "consentRequired", withdraws,
     registries AS "requiredRegistries", registry_override AS "registryOverride", screening, ${callingHoursColumns},
     partner.name AS member
   FROM lead_type
   LEFT JOIN granted_type ON granted_type.type_id = lead_type.id AND granted_type.revoked_at IS NULL
   LEFT JOIN partner ON partner.id = granted_type.partner_id`,
  { consentRequired: true, withdraws: true, registryOverride: true },
);

const formerNames = statement<{ type: string; name: string }>(
  'former_names',
  `SELECT lead_type.name AS type, type_alias.name
   FROM type_alias JOIN lead_type ON lead_type.id = type_alias.type_id`,
);

async function* types(database: SqlDatabase): AsyncGenerator<LeadTypeRecord> {
  const rows = await database.read(typesWithPartners);
  const former = Map.groupBy(await database.read(formerNames), ({ type }) => type);
  for (const row of membersByName(rows)) {
    const { members, requiredRegistries, hours, zone, country, holidays, ...type } = row;
    const names = (former.get(type.name) ?? []).map(({ name }) => name);
    const callingHours = callingHoursOf({ hours, zone, country, holidays });
    yield {
      ...type,
      callingHours,
      registries: requiredRegistries?.split(',') ?? [],
      partners: members,
      formerNames: names.toSorted(),
    };
  }
}

const typeByName = statement<NamedType>(
  'type_by_name',
  ({ lock }) => `
    SELECT id, name, retired_at AS "retiredAt", recontact_after AS "recontactAfter",
      consent_required AS "consentRequired", withdraws
    FROM lead_type
    WHERE id = ${typeIdOf('$1')} ${lock('lead_type')}`,
  { consentRequired: true, withdraws: true },
);

/** A lead type as a change finds it. */
interface NamedType {
  id: number;
  /** Its current name. */
  name: string;
  /** When it was retired (ms since 1970); null: it is not retired. */
  retiredAt: number | null;
  /** Re-contact period (ms); null: never. */
  recontactAfter: number | null;
  /** Whether its leads must contain the person's consent. */
  consentRequired: boolean;
  /** Whether leads that the dialler has, or may have, are withdrawn if they are cancelled. */
  withdraws: boolean;
}

/**
 * Finds a lead type by its name or a former one, and locks it until the change has ended.
 *
 * @throws {UserError} if there is no such type
 */
export function* namedType(name: string): Change<NamedType> {
  const type = yield* firstRow(typeByName, name);
  if (type === undefined) throw userErrors.noType(name);
  return type;
}

const typeExists = statement('type_exists', `SELECT 1 FROM lead_type WHERE id = ${typeIdOf('$1')}`);

/** @throws {UserError} if no lead type has or had this name */
export async function checkType(database: SqlDatabase, name: string): Promise<void> {
  if ((await database.read(typeExists, name)).length === 0) throw userErrors.noType(name);
}

const updateRecontactAfter = statement(
  'set_recontact_after',
  'UPDATE lead_type SET recontact_after = $1 WHERE id = $2',
);

function* setRecontactAfter(name: string, recontactAfter: number | null): Change<void> {
  const type = yield* namedType(name);
  yield* run(updateRecontactAfter, recontactAfter, type.id);
  const before = { recontact_after: type.recontactAfter };
  yield* audit({ kind: 'type', id: type.name }, before, { recontact_after: recontactAfter });
}

const updateConsentRequired = statement(
  'set_consent_required',
  'UPDATE lead_type SET consent_required = (CAST($1 AS integer) = 1) WHERE id = $2',
);

function* setConsentRequired(name: string, isRequired: boolean): Change<void> {
  const type = yield* namedType(name);
  yield* run(updateConsentRequired, Number(isRequired), type.id);
  const before = { consent_required: type.consentRequired };
  yield* audit({ kind: 'type', id: type.name }, before, { consent_required: isRequired });
}

const updateWithdraws = statement(
  'set_withdraws',
  'UPDATE lead_type SET withdraws = CAST($1 AS integer) = 1 WHERE id = $2',
);

function* setWithdraws(name: string, withdraws: boolean): Change<void> {
  const type = yield* namedType(name);
  yield* run(updateWithdraws, Number(withdraws), type.id);
  yield* audit({ kind: 'type', id: type.name }, { withdraws: type.withdraws }, { withdraws });
}

const updateName = statement('rename_type', 'UPDATE lead_type SET name = $1 WHERE id = $2');

const deleteFormerName = statement(
  'delete_former_name',
  'DELETE FROM type_alias WHERE name = $1 AND type_id = $2',
);

const insertFormerName = statement(
  'insert_former_name',
  'INSERT INTO type_alias (name, type_id, created_at) VALUES ($1, $2, $3)',
);

const renameGaps = statement('rename_gaps', 'UPDATE delivery_gap SET type = $1 WHERE type = $2');

const renamePauses = statement('rename_pauses', 'UPDATE delivery_pause SET type = $1 WHERE type = $2');

const typeWithExactName = statement<{ id: number }>(
  'type_with_exact_name',
  'SELECT id FROM lead_type WHERE name = $1',
);

function* renameType(name: string, newName: string): Change<void> {
  const type = yield* namedType(name);
  if (type.name === newName) throw userErrors.typeHasName(newName);
  if ((yield* firstRow(typeWithExactName, newName)) !== undefined) throw userErrors.typeExists(newName);
  yield* run(updateName, newName, type.id);
  // A type can be given one of its own former names again. Checked last, for the reason given in `addTypeIfNew`.
  yield* run(deleteFormerName, newName, type.id);
  const renamed = yield* firstRow(typeOfFormerName, newName);
  if (renamed !== undefined) throw userErrors.formerName(newName, renamed.name);
  yield* run(insertFormerName, type.name, type.id, Date.now());
  yield* run(renamePauses, newName, type.name);
  yield* run(renameGaps, newName, type.name);
  yield* audit({ kind: 'type', id: newName }, { name: type.name }, { name: newName });
}

const updateRetiredAt = statement('retire_type', 'UPDATE lead_type SET retired_at = $1 WHERE id = $2');

function* retireType(name: string): Change<void> {
  const type = yield* namedType(name);
  if (type.retiredAt === null) yield* run(updateRetiredAt, Date.now(), type.id);
  yield* auditRetired(type, true);
}

function* unretireType(name: string): Change<void> {
  const type = yield* namedType(name);
  if (type.retiredAt === null) throw userErrors.typeNotRetired(type.name);
  yield* run(updateRetiredAt, null, type.id);
  yield* auditRetired(type, false);
}

function auditRetired({ name, retiredAt }: NamedType, retired: boolean): Change<void> {
  return audit({ kind: 'type', id: name }, { retired: retiredAt !== null }, { retired });
}
