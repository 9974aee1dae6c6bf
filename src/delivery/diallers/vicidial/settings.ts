import { makeExactValidator } from 'envalid';
import { httpUrl, oneOf, readVariables, text } from '../../../environment/variables.ts';
import { type NumberForm, numberForms } from '../../../leads/phone.ts';

/** Where the leads of a type go. */
export interface ListSettings {
  /** VICIdial's list id. */
  list: string;
  /**
   * The custom field of each member of `data`. Where this is not given, a member goes to the field of
   * its own name.
   */
  customFields: Readonly<Record<string, string>> | undefined;
  /** -99 to 99: leads are put into the hopper with it. Undefined leaves that to VICIdial. */
  hopperPriority: number | undefined;
}

export interface VicidialSettings {
  url: URL;
  user: string;
  password: string;
  /** By lead type. */
  lists: ReadonlyMap<string, ListSettings>;
  numberForm: NumberForm;
  duplicateCheck: string;
  letters: 'latin' | 'all';
}

const script = '/vicidial/non_agent_api.php';

/** A custom field of VICIdial is a column of its database. */
export const customFieldName = /^[A-Za-z][A-Za-z0-9_]{0,49}$/;

const listsHint =
  'JSON with a list id for each lead type, such as {"motor-trade": 1001} or {"motor-trade": {"list": 1001, "custom_fields": {"vehicle_make": "make"}, "hopper_priority": 50}}';

const listMap = makeExactValidator<ReadonlyMap<string, ListSettings>>((written) => {
  let json: unknown;
  try {
    json = JSON.parse(written);
  } catch {
    throw new Error(listsHint);
  }
  if (!isRecord(json) || Object.keys(json).length === 0) throw new Error(listsHint);
  return new Map(Object.entries(json).map(([type, value]) => [type, listSettings(type, value)]));
});

const duplicateCheck = makeExactValidator<string>((written) => {
  if (/^DUP(LIST|CAMP|SYS)([0-9]{1,3}DAY)?$/.test(written)) return written;
  throw new Error('DUPLIST, DUPCAMP or DUPSYS, and such as DUPLIST90DAY for the last days only');
});

/** Reads what VICIdial needs. @throws {ConfigError} */
export function readVicidialSettings(environment: NodeJS.ProcessEnv): VicidialSettings {
  const variables = readVariables(environment, {
    DIALLER_URL: httpUrl({ desc: `the address of VICIdial’s web server, or of its ${script}` }),
    DIALLER_USER: text({ desc: 'a VICIdial user of level 8 who may modify leads and use the API' }),
    DIALLER_PASSWORD: text({ desc: 'the password of that VICIdial user' }),
    DIALLER_LISTS: listMap({ desc: listsHint }),
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

function listSettings(type: string, value: unknown): ListSettings {
  const { list, custom_fields, hopper_priority, ...more } = isRecord(value) ? value : { list: value };
  const wrong = (what: string) => new Error(`${listsHint}; of ${JSON.stringify(type)} ${what}`);
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw wrong(`${JSON.stringify(unknown)} is not known`);
  if (!/^[0-9]{3,12}$/.test(String(list))) throw wrong('the list id must have 3 to 12 digits');
  if (custom_fields !== undefined && !isFieldMap(custom_fields)) {
    throw wrong('custom_fields must give a custom field for each member of data');
  }
  const isPriority = Number.isInteger(hopper_priority) && Math.abs(Number(hopper_priority)) <= 99;
  if (hopper_priority !== undefined && !isPriority) throw wrong('hopper_priority must be from -99 to 99');
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
