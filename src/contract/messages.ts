import type { ErrorObject } from 'ajv';
import type { components } from '../../generated/openapi.ts';
import { parseTestNumber } from '../leads/test-numbers.ts';
import { closestName } from '../text/closest-name.ts';
import { isBlank } from '../text/visible.ts';
import { allowsType, type BodySchema, type FieldSchema } from './contract.ts';
import {
  afterCallKeyword,
  earliestPast,
  futureKeyword,
  futureProblem,
  maxDaysKeyword,
  pastKeyword,
} from './vocabulary.ts';

/** Validation errors by field: the body of a 400. */
export type ValidationErrors = components['schemas']['ValidationErrors'];

/** Maximum length of an unknown name for which a known one is suggested (characters): comparing takes time. */
const maxSuggestionLength = 64;

/** Returns a validation error about the body as a whole. */
export function bodyError(message: string): ValidationErrors {
  return numberMessages(new Map([['body', [message]]]));
}

/** The validation error of a JSON body that is not an object. */
export const notAnObject: ValidationErrors = bodyError('Body must be a JSON object.');

/** Returns a validation error about a request whose body was not read. */
export function requestError(message: string): ValidationErrors {
  return numberMessages(new Map([['request', [message]]]));
}

/**
 * Converts Ajv's errors to the contract's messages. Fields are in the order of the schema, followed by unknown fields
 * and headers.
 *
 * @param errors from an Ajv with the options `allErrors` and `verbose`, about `{ query, header, requestBody }`
 * @param schema the schema of the body
 */
export function validationErrorsFrom(errors: readonly ErrorObject[], schema: BodySchema): ValidationErrors {
  const found = new Map<string, Set<string>>();
  const others = new Map<string, Iterable<string>>();
  for (const error of errorsOfFields(errors)) {
    const [part, field] = pathOf(error);
    if (error.keyword === 'additionalProperties' && field === undefined) {
      const name: string = error.params['additionalProperty'];
      others.set(name, [...(others.get(name) ?? []), unknownFieldMessage(part, name, schema)]);
    } else if (part === 'header') {
      others.set(headerName(field ?? ''), [headerMessage(error)]);
    } else if (part === 'requestBody') {
      addMessage(found, field ?? missingField(error) ?? 'body', error, schema);
    } else {
      throw new Error(`No message for the keyword ${error.keyword} at ${error.instancePath}.`);
    }
  }
  if (found.has('body')) return notAnObject;
  const ordered = new Map<string, Iterable<string>>(inSchemaOrder(found, schema));
  // A query parameter or header can have the name of a field.
  for (const [name, messages] of others) ordered.set(name, [...(ordered.get(name) ?? []), ...messages]);
  return numberMessages(ordered);
}

function inSchemaOrder(found: Map<string, Set<string>>, schema: BodySchema): [string, Set<string>][] {
  return Object.keys(schema.properties).flatMap((field) => {
    const messages = found.get(field);
    return messages === undefined ? [] : [[field, messages]];
  });
}

/**
 * Returns the errors about fields, with those about length last. Leaves out Ajv's additional error that an alternative
 * of the body failed.
 */
function errorsOfFields(errors: readonly ErrorObject[]): ErrorObject[] {
  const isLength = ({ keyword }: ErrorObject) => Number(keyword === 'maxLength');
  const ofFields = errors.filter(({ keyword }) => keyword !== 'if');
  return ofFields.toSorted((one, other) => isLength(one) - isLength(other));
}

function addMessage(
  found: Map<string, Set<string>>,
  name: string,
  error: ErrorObject,
  schema: BodySchema,
): void {
  const messages = found.get(name) ?? new Set();
  found.set(name, messages);
  const field = schema.properties[name];
  if (field === undefined) return;
  // `required` is reported for the object, so its data is not the field's value.
  const value: unknown = error.keyword === 'required' ? undefined : error.data;
  messages.add(messageFor(labelOf(name), field, schema.required.includes(name), value, error));
  if (error.keyword === 'format' && field.format === 'phone' && isTestNumberIn(value))
    messages.add(testNumberHint);
}

/** Second message about a test number, which is valid in requests with a test key. */
const testNumberHint = 'Numbers from 07700 900000 to 07700 900999 are valid only with a test key.';

function isTestNumberIn(value: unknown): boolean {
  return typeof value === 'string' && parseTestNumber(value) !== undefined;
}

/** What a value of each format is, in messages. */
const describedFormats: Readonly<Record<string, string>> = {
  email: 'email address',
  phone: 'phone number',
  timestamp: 'date and time',
  'web-url': 'URL',
  'ip-address': 'IP address',
  'time-zone': 'time zone',
};

/** Returns the message of the first rule that applies. */
function messageFor(
  label: string,
  field: FieldSchema,
  required: boolean,
  value: unknown,
  error: ErrorObject,
): string {
  if (required && isBlank(value)) return `${label} cannot be blank.`;
  switch (error.keyword) {
    case 'maxLength':
      return `${label} is too long (maximum is ${error.params['limit']} characters).`;
    case 'minimum':
      return `${label} is too small (minimum is ${error.params['limit']}).`;
    case 'maximum':
      return `${label} is too big (maximum is ${error.params['limit']}).`;
    case 'minItems':
      return `${label} has too few items (minimum is ${error.params['limit']}).`;
    case 'maxItems':
      return `${label} has too many items (maximum is ${error.params['limit']}).`;
    case pastKeyword:
      return Date.parse(String(value)) < earliestPast
        ? `${label} is too early (minimum is ${new Date(earliestPast).toISOString().slice(0, 10)}).`
        : `${label} cannot be in the future.`;
    case maxDaysKeyword:
      return `${label} must be no later than To, and at most ${Number(error.schema) - 1} days before it.`;
    case afterCallKeyword:
      return `${label} must be later than the time of the call.`;
    case futureKeyword: {
      const problem = futureProblem(String(value));
      if (problem === 'past') return `${label} cannot be in the past.`;
      if (problem === 'too-late') return `${label} is too late (maximum is one year from now).`;
    }
  }
  // A condition on several fields has its own message.
  const message: string | undefined = error.parentSchema?.['x-error-message'] ?? field['x-error-message'];
  if (message !== undefined) return message;
  if (error.keyword === 'type') return typeMessage(label, field, value);
  const described = field.format === undefined ? undefined : describedFormats[field.format];
  if (described !== undefined) return `${label} is not a valid ${described}.`;
  if (allowsType(field, 'integer')) return `${label} must be a number.`;
  throw new Error(`No message for the keyword ${error.keyword} at ${error.instancePath}.`);
}

function typeMessage(label: string, field: FieldSchema, value: unknown): string {
  if (allowsType(field, 'array')) return `${label} must be an array.`;
  if (!allowsType(field, 'integer')) return `${label} must be a string.`;
  return typeof value === 'number' ? `${label} must be an integer.` : `${label} must be a number.`;
}

function headerMessage({ keyword, instancePath, parentSchema }: ErrorObject): string {
  const message: string | undefined = parentSchema?.['x-error-message'];
  if (message !== undefined) return message;
  throw new Error(`No message for the keyword ${keyword} at ${instancePath}.`);
}

/** `idempotency-key` -> `Idempotency-Key`. */
function headerName(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function unknownFieldMessage(part: string | undefined, name: string, schema: BodySchema): string {
  if (part === 'query') return `${labelOf(name)} is not a query parameter of this request.`;
  // The field belongs to the other alternative of the body.
  if (schema.selector !== undefined && Object.hasOwn(schema.properties, name))
    return `${labelOf(name)} cannot be combined with ${labelOf(schema.selector)}.`;
  const suggestion = nearest(name, Object.keys(schema.properties));
  const hint = suggestion === undefined ? '.' : `; did you mean \`${suggestion}\`?`;
  return `${labelOf(name)} is not a field of this request${hint}`;
}

/** Returns the known name that was probably meant: it differs in one or two characters. Undefined: there is none. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > maxSuggestionLength) return undefined;
  return closestName(name, known, () => (name.length > 4 ? 2 : 1));
}

/** `first_name` -> `First Name`. */
function labelOf(name: string): string {
  const words = name.split(/[_\s]+/).filter((word) => word !== '');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ') || JSON.stringify(name);
}

function missingField(error: ErrorObject): string | undefined {
  return error.keyword === 'required' ? error.params['missingProperty'] : undefined;
}

/** `/requestBody/first_name` -> `['requestBody', 'first_name']` (RFC 6901). */
function pathOf(error: ErrorObject): (string | undefined)[] {
  return error.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Returns the messages of each field under the names "0", "1", and so on. */
function numberMessages(messages: ReadonlyMap<string, Iterable<string>>): ValidationErrors {
  // Without a prototype, so that `__proto__` is a field like any other.
  const errors: ValidationErrors = Object.create(null);
  for (const [field, texts] of messages) {
    const [first = '', ...others] = texts;
    errors[field] = { 0: first, ...Object.fromEntries(others.map((text, index) => [index + 1, text])) };
  }
  return errors;
}
