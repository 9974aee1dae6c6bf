import { makeExactValidator } from 'envalid';
import { count, httpUrl, oneOf, readVariables, text } from '../../../environment/variables.ts';
import { type NumberForm, numberForms } from '../../../leads/phone.ts';
import { customFieldName, isApiParameter } from './parameters.ts';
import type { Letters } from './text.ts';

/** The VICIdial list that receives the leads of a type. */
export interface ListSettings {
  /** Id of the VICIdial list. */
  list: string;
  /** Id of its campaign, whose do-not-call list is checked. Undefined: only the do-not-call list of the system is. */
  campaign: string | undefined;
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
  letters: Letters;
  /** Time for which VICIdial may still be processing a request without a response (ms). */
  maxRuntime: number;
}

const script = '/vicidial/non_agent_api.php';

const listsFormat =
  'JSON with a list id for each lead type, such as {"motor-trade": 1001} or {"motor-trade": {"list": 1001, "campaign": "MOTOR", "hopper_priority": 50, "custom_fields": {"vehicle_make": "make"}}}';

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

/** Numbers of days that VICIdial knows. It accepts others, which mean something else: 45 is for ever, 31 is one day. */
const duplicateDays = [1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360];

const duplicateCheck = makeExactValidator<string>((value) => {
  const [, days] = /^DUP(?:LIST|CAMP|SYS)(?:(\d+)DAY)?$/.exec(value) ?? [];
  const isValid = /^DUP(LIST|CAMP|SYS)$/.test(value) || duplicateDays.some((each) => String(each) === days);
  if (isValid) return value;
  throw new Error(
    `DUPLIST, DUPCAMP or DUPSYS, optionally with a number of days that VICIdial knows (${duplicateDays.join(', ')}), such as DUPLIST90DAY`,
  );
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
    DIALLER_NUMBERS: oneOf(numberForms)({ default: 'significant' }),
    DIALLER_DUPLICATE_CHECK: duplicateCheck({ default: 'DUPLIST' }),
    DIALLER_LETTERS: oneOf(['latin', 'all'])({ default: 'latin' }),
    DIALLER_MAX_RUNTIME: count('milliseconds', 86_400_000)({ default: 600_000 }),
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
    maxRuntime: variables.DIALLER_MAX_RUNTIME,
  };
}

function parseListSettings(type: string, value: unknown): ListSettings {
  const { list, campaign, custom_fields, hopper_priority, ...rest } = isRecord(value)
    ? value
    : { list: value };
  const invalid = (what: string) => new Error(`${listsFormat}; for ${JSON.stringify(type)}, ${what}`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${JSON.stringify(unknown)} is not a known member`);
  if (!/^[0-9]{3,12}$/.test(String(list))) throw invalid('the list id must have 3 to 12 digits');
  if (campaign !== undefined && !isCampaign(campaign))
    throw invalid('campaign must be the id of the list’s campaign (2 to 8 characters)');
  if (custom_fields !== undefined && !isFieldMap(custom_fields))
    throw invalid('custom_fields must map members of data to custom fields');
  const reserved = Object.values(custom_fields ?? {}).find(isApiParameter);
  if (reserved !== undefined)
    throw invalid(
      `custom_fields must not contain ${JSON.stringify(reserved)}, a parameter of VICIdial’s API`,
    );
  return {
    list: String(list),
    campaign,
    customFields: custom_fields,
    hopperPriority: parseHopperPriority(hopper_priority, campaign, invalid),
  };
}

/** A lead that is put into the hopper bypasses its campaign's do-not-call list, unless the campaign is named. */
function parseHopperPriority(
  value: unknown,
  campaign: unknown,
  invalid: (what: string) => Error,
): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || Math.abs(Number(value)) > 99)
    throw invalid('hopper_priority must be a whole number from -99 to 99');
  if (campaign === undefined)
    throw invalid(
      'hopper_priority also requires campaign, the id of the list’s campaign, so that its do-not-call list applies',
    );
  return Number(value);
}

function isCampaign(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{2,8}$/.test(value);
}

function isFieldMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((name) => customFieldName.test(String(name)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
