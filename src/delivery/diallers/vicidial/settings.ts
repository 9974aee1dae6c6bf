import { makeExactValidator } from 'envalid';
import { httpUrl, oneOf, readVariables, text } from '../../../environment/variables.ts';
import { type NumberForm, numberForms } from '../../../leads/phone.ts';

/** The VICIdial list that receives the leads of a type. */
export interface ListSettings {
  /** Id of the VICIdial list. */
  list: string;
  /** Custom field for each member of `data`. Undefined: each member has the field of the same name. */
  customFields: Readonly<Record<string, string>> | undefined;
  /** Hopper priority (-99 to 99). Undefined: VICIdial decides when a lead enters the hopper. */
  hopperPriority: number | undefined;
}

/** The settings of the VICIdial dialler. */
export interface VicidialSettings {
  /** URL of the script of the non-agent API. */
  url: URL;
  user: string;
  password: string;
  /** By name of the lead type. */
  lists: ReadonlyMap<string, ListSettings>;
  numberForm: NumberForm;
  /** Value of add_lead's `duplicate_check`, such as `DUPLIST90DAY`. */
  duplicateCheck: string;
  /** `latin`: other letters are transliterated. */
  letters: 'latin' | 'all';
}

const script = '/vicidial/non_agent_api.php';

/** Valid name of a custom field, which VICIdial stores as a database column. */
export const customFieldName = /^[A-Za-z][A-Za-z0-9_]{0,49}$/;

/**
 * Parameters of add_lead that describe the call, its list or its sender, or that every lead already has. A custom field
 * of such a name would replace them.
 */
const ownParameters = new Set(
  `source user pass function format phone_number phone_code list_id dnc_check campaign_dnc_check campaign_id
  add_to_hopper hopper_priority hopper_local_call_time_check duplicate_check usacan_prefix_check
  usacan_areacode_check nanpa_ac_prefix_check custom_fields tz_method callback callback_status
  callback_datetime callback_type callback_user callback_comments lookup_state list_exists_check
  vendor_lead_code source_id gmt_offset_now first_name last_name alt_phone email comments multi_alt_phones
  entry_list_id status lead_id stage value db agent_user user_field`.split(/\s+/),
);

/** Other fields of every VICIdial list, to which an operator can map a member of `data`. */
const standardFields = new Set(
  `title middle_initial address1 address2 address3 city state province postal_code country_code gender
  date_of_birth security_phrase rank owner`.split(/\s+/),
);

/** Returns whether a name is that of a parameter that the server sends or that controls add_lead. */
export function isOwnParameter(name: string): boolean {
  return ownParameters.has(name.toLowerCase());
}

/** Returns whether a name is that of another field of every VICIdial list. */
export function isStandardField(name: string): boolean {
  return standardFields.has(name.toLowerCase());
}

const listsFormat =
  'JSON with a list id for each lead type, such as {"motor-trade": 1001} or {"motor-trade": {"list": 1001, "custom_fields": {"vehicle_make": "make"}, "hopper_priority": 50}}';

const listMap = makeExactValidator<ReadonlyMap<string, ListSettings>>((value) => {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    throw new Error(listsFormat);
  }
  if (!isRecord(json) || Object.keys(json).length === 0) throw new Error(listsFormat);
  return new Map(Object.entries(json).map(([type, list]) => [type, parseListSettings(type, list)]));
});

const duplicateCheck = makeExactValidator<string>((value) => {
  if (/^DUP(LIST|CAMP|SYS)([0-9]{1,3}DAY)?$/.test(value)) return value;
  throw new Error('DUPLIST, DUPCAMP or DUPSYS, optionally with a number of days, such as DUPLIST90DAY');
});

/**
 * Reads the variables of the VICIdial dialler.
 *
 * @throws {ConfigError} if some are missing or invalid
 */
export function readVicidialSettings(environment: NodeJS.ProcessEnv): VicidialSettings {
  const variables = readVariables(environment, {
    DIALLER_URL: httpUrl({ desc: `the URL of VICIdial’s web server, or of its ${script}` }),
    DIALLER_USER: text({ desc: 'a VICIdial user of level 8 that may modify leads and use the API' }),
    DIALLER_PASSWORD: text({ desc: 'the password of that VICIdial user' }),
    DIALLER_LISTS: listMap({ desc: listsFormat }),
    DIALLER_NUMBERS: oneOf(numberForms)({ default: 'national' }),
    DIALLER_DUPLICATE_CHECK: duplicateCheck({ default: 'DUPLIST' }),
    DIALLER_LETTERS: oneOf(['latin', 'all'])({ default: 'latin' }),
  });
  const url = variables.DIALLER_URL;
  return {
    url: url.pathname === '/' ? new URL(script, url) : url,
    user: variables.DIALLER_USER,
    password: variables.DIALLER_PASSWORD,
    lists: variables.DIALLER_LISTS,
    numberForm: variables.DIALLER_NUMBERS,
    duplicateCheck: variables.DIALLER_DUPLICATE_CHECK,
    letters: variables.DIALLER_LETTERS,
  };
}

function parseListSettings(type: string, value: unknown): ListSettings {
  const { list, custom_fields, hopper_priority, ...rest } = isRecord(value) ? value : { list: value };
  const invalid = (what: string) => new Error(`${listsFormat}; for ${JSON.stringify(type)}, ${what}`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${JSON.stringify(unknown)} is not a known member`);
  if (!/^[0-9]{3,12}$/.test(String(list))) throw invalid('the list id must have 3 to 12 digits');
  if (custom_fields !== undefined && !isFieldMap(custom_fields)) {
    throw invalid('custom_fields must map members of data to custom fields');
  }
  const reserved = Object.values(custom_fields ?? {}).find(isOwnParameter);
  if (reserved !== undefined)
    throw invalid(
      `custom_fields must not contain ${JSON.stringify(reserved)}, a parameter of add_lead itself`,
    );
  const isPriority = Number.isInteger(hopper_priority) && Math.abs(Number(hopper_priority)) <= 99;
  if (hopper_priority !== undefined && !isPriority)
    throw invalid('hopper_priority must be a whole number from -99 to 99');
  return {
    list: String(list),
    customFields: custom_fields,
    hopperPriority: hopper_priority === undefined ? undefined : Number(hopper_priority),
  };
}

function isFieldMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((name) => customFieldName.test(String(name)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
