import { isIP } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { DataValidationCxt } from 'ajv/dist/types/index.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { findZone } from '../leads/calling-hours/zone-set.ts';
import type { PhoneParsers } from '../leads/phone.ts';

/** Keyword: the phone number must be one that the deployment calls. */
export const callableKeyword = 'x-callable';

/** Keyword: the time must be plausible for something that has happened. */
export const pastKeyword = 'x-past';

/** Earliest plausible time (ms since 1970). */
export const earliestPast = Date.UTC(2000, 0, 1);

/** Keyword: the time must be plausible for something that is planned. */
export const futureKeyword = 'x-future';

/** Keyword: the time must be later than that of the call, which `call_at` or `delays` of the same body determine. */
export const afterCallKeyword = 'x-after-call';

/** Keyword: the maximum number of days in the period from this day to `to` of the same body, both included. */
export const maxDaysKeyword = 'x-max-days';

/** Latest plausible time, from now on (ms): the maximum of `delays`. */
const maxFuture = 31_536_000_000;

/** Time by which the clock of a partner may differ (ms). */
const clockTolerance = 5 * 60_000;

/** Creates an Ajv that reports every error, and knows only the messages of openapi.yaml. */
export function plainAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    // The contract's lint validates the schemas; validating them at each start would delay it.
    validateSchema: false,
  });
  ajv.addKeyword('x-error-message');
  return ajv;
}

/**
 * Creates an Ajv that knows the vocabulary of openapi.yaml: its formats, `contentSchema` as an assertion, and the
 * extensions. It reports every error (`allErrors`), so that a response lists every invalid field;
 * the maximum body size bounds the cost.
 */
export function contractAjv({ parse, reasonNotCallable }: PhoneParsers): Ajv2020 {
  const ajv = plainAjv();
  ajv.addFormat('email', fullFormats.email);
  ajv.addFormat('phone', (value) => parse(value) !== undefined);
  ajv.addFormat('timestamp', fullFormats['date-time']);
  ajv.addFormat('date', fullFormats.date);
  ajv.addFormat('time-zone', (value) => findZone(value.trim()) !== undefined);
  ajv.addFormat('web-url', isWebUrl);
  // `isIP` accepts the zone of a link-local address, which means something only on the person's own machine.
  ajv.addFormat('ip-address', (value) => isIP(value) !== 0 && !value.includes('%'));
  ajv.addKeyword({ keyword: pastKeyword, type: 'string', schemaType: 'boolean', validate: isPast });
  ajv.addKeyword({ keyword: futureKeyword, type: 'string', schemaType: 'boolean', validate: isFuture });
  ajv.addKeyword({
    keyword: afterCallKeyword,
    type: 'string',
    schemaType: 'boolean',
    validate: (isRequired: boolean, value: string, _schema?: object, context?: DataValidationCxt) =>
      !isRequired || isAfterCall(value, context?.parentData ?? {}),
  });
  ajv.addKeyword({
    keyword: maxDaysKeyword,
    type: 'string',
    schemaType: 'number',
    validate: (maxDays: number, value: string, _schema?: object, context?: DataValidationCxt) =>
      isWithinDays(value, context?.parentData ?? {}, maxDays),
  });
  ajv.addKeyword({
    keyword: callableKeyword,
    type: 'string',
    schemaType: 'boolean',
    validate: (isRequired: boolean, value: string) => !isRequired || reasonNotCallable(value) === undefined,
  });
  ajv.addKeyword({
    keyword: 'x-max-depth',
    schemaType: 'number',
    validate: (maxDepth: number, value: unknown) => isWithinDepth(value, maxDepth),
  });
  // JSON Schema 2020-12 (validation, section 8) lets implementations assert content; Ajv does not.
  ajv.removeKeyword('contentSchema');
  ajv.addKeyword({
    keyword: 'contentSchema',
    type: 'string',
    schemaType: 'object',
    compile: (schema: object) => {
      const validate = ajv.compile(schema);
      return (content: string) => {
        const json = parseJson(content);
        return json !== undefined && validate(json) === true;
      };
    },
  });
  return ajv;
}

function isWebUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

/** Returns false for a time that is too early or too late. A value that is no time breaks another rule. */
function isPast(isRequired: boolean, value: string): boolean {
  const time = Date.parse(value);
  return !isRequired || !(time < earliestPast || time > Date.now() + clockTolerance);
}

/** What is wrong with the time of something that is planned. Undefined: nothing, or it is no time. */
export function futureProblem(value: string): 'past' | 'too-late' | undefined {
  const [time, now] = [Date.parse(value), Date.now()];
  if (time < now - clockTolerance) return 'past';
  return time > now + maxFuture + clockTolerance ? 'too-late' : undefined;
}

/** Returns false also for a value that is no time, such as one in a leap second. */
function isFuture(isRequired: boolean, value: string): boolean {
  return !isRequired || (futureProblem(value) === undefined && !Number.isNaN(Date.parse(value)));
}

/** The fields of a normalised body that determine the time of the call. They may be invalid. */
interface CallTime {
  call_at?: unknown;
  delays?: unknown;
}

/** Returns true also for a time that breaks another rule. */
function isAfterCall(value: string, { call_at: callAt, delays }: CallTime): boolean {
  const [time, now] = [Date.parse(value), Date.now()];
  if (futureProblem(value) !== undefined || Number.isNaN(time)) return true;
  const requested = typeof callAt === 'string' ? Date.parse(callAt) : now + Number(delays ?? 0) * 1_000;
  return time > (requested > now ? requested : now);
}

const day = 86_400_000;

/** Returns true also if one of the days does not exist. `to` is the last day (default: today). */
function isWithinDays(from: string, { to }: { to?: unknown }, maxDays: number): boolean {
  const days = ((to === undefined || to === null ? Date.now() : startOfDay(to)) - startOfDay(from)) / day;
  return !(days < 0 || days >= maxDays);
}

/** Returns the start of a day (ms since 1970). NaN: it does not exist. `Date.parse` alone accepts 31 November. */
function startOfDay(value: unknown): number {
  const time = Date.parse(String(value));
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(String(value)) ? Number.NaN : time;
}

/** Returns undefined if the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns whether a value is nested at most `maxDepth` levels deep. Recurses no deeper than that. */
function isWithinDepth(value: unknown, maxDepth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return maxDepth > 0 && Object.values(value).every((member) => isWithinDepth(member, maxDepth - 1));
}
