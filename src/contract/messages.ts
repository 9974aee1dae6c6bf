import type { ErrorObject } from 'ajv';
import leven from 'leven';
import type { components } from '../../generated/openapi.ts';
import { isBlank } from '../text/visible.ts';
import { type BodySchema, type FieldSchema, takes } from './document.ts';

/** What is wrong with a request, by field: the body of a 400. */
export type Failures = components['schemas']['ValidationErrors'];

/** A longer name is no slip of a known one, and comparing it takes time. */
const maxSuggestionLength = 64;

/** The failure of a body as a whole, under the name `body`. */
export function bodyFailure(message: string): Failures {
  return failuresOf(new Map([['body', [message]]]));
}

/** The failure of a body that is JSON and no object. */
export const notAnObject: Failures = bodyFailure('Body must be a JSON object.');

/** The failure of a request that could not be read as far as its body. */
export function requestFailure(message: string): Failures {
  return failuresOf(new Map([['request', [message]]]));
}

/**
 * Puts what Ajv found into the contract's words. Fields stand in the order of the schema, and after
 * them those that it does not have, and headers.
 *
 * @param errors of an Ajv with the options `allErrors` and `verbose`, over `{ query, header, requestBody }`
 * @param schema of the body
 */
export function failuresFrom(errors: readonly ErrorObject[], schema: BodySchema): Failures {
  const found = new Map<string, Set<string>>();
  const others = new Map<string, string[]>();
  for (const error of lengthLast(errors)) {
    const [part, field] = pathOf(error);
    if (error.keyword === 'additionalProperties' && field === undefined) {
      const name: string = error.params['additionalProperty'];
      others.set(name, [...(others.get(name) ?? []), unknownFieldMessage(part, name, schema)]);
    } else if (part === 'header') {
      others.set(headerName(field ?? ''), [headerMessage(error)]);
    } else if (part === 'requestBody') {
      add(found, field ?? missingField(error) ?? 'body', error, schema);
    } else {
      throw new Error(`No message for the keyword ${error.keyword} at ${error.instancePath}.`);
    }
  }
  if (found.has('body')) return notAnObject;
  const ordered = new Map<string, Iterable<string>>();
  for (const field of Object.keys(schema.properties)) {
    const messages = found.get(field);
    if (messages) ordered.set(field, messages);
  }
  for (const [field, messages] of others) ordered.set(field, messages);
  return failuresOf(ordered);
}

/** What a value is goes before how long it is. */
function lengthLast(errors: readonly ErrorObject[]): ErrorObject[] {
  const isLength = ({ keyword }: ErrorObject) => Number(keyword === 'maxLength');
  return errors.toSorted((one, other) => isLength(one) - isLength(other));
}

function add(found: Map<string, Set<string>>, name: string, error: ErrorObject, schema: BodySchema): void {
  const messages = found.get(name) ?? new Set();
  found.set(name, messages);
  const field = schema.properties[name];
  if (field === undefined) return;
  // `required` is reported of the object, so the value that counts is the one that is not there.
  const value: unknown = error.keyword === 'required' ? undefined : error.data;
  messages.add(messageFor(labelOf(name), field, schema.required?.includes(name) ?? false, value, error));
}

/** The rules in the order in which the contract's messages follow from them: the first that fits. */
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
  }
  if (field['x-error-message'] !== undefined) return field['x-error-message'];
  if (error.keyword === 'type') return typeMessage(label, field, value);
  if (field.format === 'email') return `${label} is not a valid email address.`;
  if (field.format === 'phone') return `${label} is not a valid phone number.`;
  if (takes(field, 'integer')) return `${label} must be a number.`;
  throw new Error(`No message for the keyword ${error.keyword} at ${error.instancePath}.`);
}

function typeMessage(label: string, field: FieldSchema, value: unknown): string {
  if (!takes(field, 'integer')) return `${label} must be a string.`;
  return typeof value === 'number' ? `${label} must be an integer.` : `${label} must be a number.`;
}

function headerMessage({ keyword, instancePath, parentSchema }: ErrorObject): string {
  const refusal: string | undefined = parentSchema?.['x-error-message'];
  if (refusal !== undefined) return refusal;
  throw new Error(`No message for the keyword ${keyword} at ${instancePath}.`);
}

/** `idempotency-key` -> `Idempotency-Key`, as the contract writes a header. */
function headerName(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function unknownFieldMessage(part: string | undefined, name: string, schema: BodySchema): string {
  if (part === 'query') return `${labelOf(name)} is not a query parameter of this request.`;
  const near = nearest(name, Object.keys(schema.properties));
  const hint = near === undefined ? '.' : `; did you mean \`${near}\`?`;
  return `${labelOf(name)} is not a field of this request${hint}`;
}

/** The known name that differs in one or two letters, where there is one. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > maxSuggestionLength) return undefined;
  const written = name.toLowerCase();
  const furthest = written.length > 4 ? 2 : 1;
  let near: string | undefined;
  let least = furthest + 1;
  for (const candidate of known) {
    const distance = leven(written, candidate, { maxDistance: least });
    if (distance < least) [near, least] = [candidate, distance];
  }
  return near;
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

function failuresOf(messages: Map<string, Iterable<string>>): Failures {
  // Without a prototype, so that a field called `__proto__` is a field like any other.
  const failures: Failures = Object.create(null);
  for (const [field, texts] of messages) {
    failures[field] = Object.fromEntries([...texts].map((text, index) => [String(index), text]));
  }
  return failures;
}
