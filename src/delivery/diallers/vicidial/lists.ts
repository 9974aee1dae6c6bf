import { makeExactValidator } from 'envalid';
import type { ResultList } from '../../dialler.ts';
import { duplicateCheckForm, isDuplicateCheck } from './duplicate-check.ts';
import { customFieldName, isApiParameter } from './parameters.ts';

/** Maximum hopper priority; the minimum is its negative. */
export const maxHopperPriority = 99;

/** The VICIdial list that receives leads, and how they are added to it. */
export interface ListSettings {
  /** Id of the VICIdial list. */
  list: string;
  /** Id of its campaign, whose do-not-call list is checked. Undefined: only the do-not-call list of the system is. */
  campaign: string | undefined;
  /** Custom field for each member of `data`. Undefined: each member has the field of the same name. */
  customFields: Readonly<Record<string, string>> | undefined;
  /**
   * Hopper priority (-99 to 99) of leads without a priority. Undefined: VICIdial decides when a lead enters the hopper.
   */
  hopperPriority: number | undefined;
  /** Value of add_lead's `duplicate_check`. Undefined: that of DIALLER_DUPLICATE_CHECK. */
  duplicateCheck: string | undefined;
  /** Undefined: the partner's name. */
  sourceId: string | undefined;
}

/** The list for the leads of a type, and those for some of its sub-types. */
export interface TypeSettings extends ListSettings {
  /** By sub-type, in lower case. */
  subtypes: ReadonlyMap<string, ListSettings>;
}

/** The lists by the name of the lead type. */
export type Lists = ReadonlyMap<string, TypeSettings>;

/** Describes DIALLER_LISTS with an example. */
export const listsFormat =
  'JSON with a list id for each lead type, such as {"motor-trade": 1001} or {"motor-trade": {"list": 1001, "campaign": "MOTOR", "hopper_priority": 50, "custom_fields": {"vehicle_make": "make"}, "subtypes": {"valeter": {"list": 1003}}}}';

/** Accepts the value of DIALLER_LISTS. */
export const listMap = makeExactValidator<Lists>((value) => {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    throw new Error(listsFormat);
  }
  if (!isRecord(json) || Object.keys(json).length === 0) throw new Error(listsFormat);
  return new Map(Object.entries(json).map(([type, settings]) => [type, parseType(type, settings)]));
});

/**
 * Returns the list for a lead: that of its sub-type, in any case, or else that of its type. Undefined: the type has
 * none.
 *
 * @param subtype undefined: the lead has none
 */
export function listFor(lists: Lists, type: string, subtype: string | undefined): ListSettings | undefined {
  const settings = lists.get(type);
  return settings?.subtypes.get(subtypeKey(subtype ?? '')) ?? settings;
}

/** Returns the lists with the types whose leads they receive. */
export function typesByList(lists: Lists): ResultList[] {
  const pairs = Array.from(lists).flatMap(([type, settings]) =>
    [settings, ...settings.subtypes.values()].map(({ list }) => ({ list, type })),
  );
  return Array.from(Map.groupBy(pairs, ({ list }) => list)).map(([list, ofList]) => ({
    list,
    types: [...new Set(ofList.map(({ type }) => type))].toSorted(),
  }));
}

function subtypeKey(subtype: string): string {
  return subtype.trim().toLowerCase();
}

function parseType(type: string, value: unknown): TypeSettings {
  const where = `for ${JSON.stringify(type)}`;
  const { subtypes = {}, ...own } = isRecord(value) ? value : { list: value };
  const settings = parseSettings(where, own);
  if (!isRecord(subtypes)) throw invalid(where, 'subtypes must map sub-types to their settings');
  const parsed = new Map<string, ListSettings>();
  for (const [subtype, others] of Object.entries(subtypes)) {
    const key = subtypeKey(subtype);
    const whereOfSubtype = `${where}, sub-type ${JSON.stringify(subtype)}`;
    if (key === '') throw invalid(where, 'a sub-type must not be blank');
    if (parsed.has(key)) throw invalid(whereOfSubtype, 'it differs from another only in its case or spaces');
    parsed.set(key, parseSettings(whereOfSubtype, merged(own, others)));
  }
  return { ...settings, subtypes: parsed };
}

/** Returns the settings of a sub-type: those of its type, except for its own; `null` removes one of the type. */
function merged(ofType: Record<string, unknown>, ofSubtype: unknown): Record<string, unknown> {
  const own = isRecord(ofSubtype) ? ofSubtype : { list: ofSubtype };
  const all = Object.entries({ ...ofType, ...own });
  return Object.fromEntries(all.filter(([name, value]) => value !== null || ofType[name] === null));
}

function parseSettings(where: string, value: Record<string, unknown>): ListSettings {
  const { list, campaign, custom_fields, hopper_priority, duplicate_check, source_id, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(where, `${JSON.stringify(unknown)} is not a known member`);
  if (!/^[0-9]{3,12}$/.test(String(list))) throw invalid(where, 'the list id must have 3 to 12 digits');
  if (campaign !== undefined && !isCampaign(campaign))
    throw invalid(where, 'campaign must be the id of the list’s campaign (2 to 8 characters)');
  if (duplicate_check !== undefined && !isDuplicateCheck(duplicate_check))
    throw invalid(where, `duplicate_check must be ${duplicateCheckForm}`);
  if (source_id !== undefined && !isSourceId(source_id))
    throw invalid(
      where,
      'source_id must have 1 to 50 characters: letters, digits, spaces, hyphens, underscores and full stops',
    );
  return {
    list: String(list),
    campaign,
    customFields: parseCustomFields(where, custom_fields),
    hopperPriority: parseHopperPriority(where, hopper_priority, campaign),
    duplicateCheck: duplicate_check,
    sourceId: source_id,
  };
}

function parseCustomFields(where: string, value: unknown): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  if (!isFieldMap(value)) throw invalid(where, 'custom_fields must map members of data to custom fields');
  const reserved = Object.values(value).find(isApiParameter);
  if (reserved === undefined) return value;
  throw invalid(
    where,
    `custom_fields must not contain ${JSON.stringify(reserved)}, a parameter of VICIdial’s API`,
  );
}

/** A lead that is put into the hopper bypasses its campaign's do-not-call list, unless the campaign is named. */
function parseHopperPriority(where: string, value: unknown, campaign: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || Math.abs(Number(value)) > maxHopperPriority)
    throw invalid(where, 'hopper_priority must be a whole number from -99 to 99');
  if (campaign === undefined)
    throw invalid(
      where,
      'hopper_priority also requires campaign, the id of the list’s campaign, so that its do-not-call list applies',
    );
  return Number(value);
}

function invalid(where: string, what: string): Error {
  return new Error(`${listsFormat}; ${where}, ${what}`);
}

function isCampaign(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{2,8}$/.test(value);
}

/** Whether VICIdial keeps a text as it is in the column. */
function isSourceId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_.-](?:[A-Za-z0-9 _.-]{0,48}[A-Za-z0-9_.-])?$/.test(value);
}

function isFieldMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((name) => customFieldName.test(String(name)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
