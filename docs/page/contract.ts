/**
 * The contract as the page reads it: operations, their fields, and their response examples with requests and headers.
 */

interface Schema {
  description?: string;
  maxLength?: number;
  examples?: unknown[];
  const?: unknown;
  /** Of a list: its entries. */
  items?: BodySchema;
  /** Of an object: its members. */
  properties?: Record<string, Schema>;
}

interface RequestDifference {
  method?: string;
  path?: string;
  query?: Record<string, string | null>;
  headers?: Record<string, string>;
  body?: unknown;
  patch?: Record<string, unknown>;
  text?: string;
  base64?: string;
}

/** A response example of the contract. */
export interface ResponseExample {
  summary: string;
  description: string;
  value: Record<string, unknown>;
  'x-outcome'?: string;
  'x-request'?: RequestDifference;
}

interface DocumentedResponse {
  description: string;
  headers: Record<string, { description: string; required?: boolean; schema: Schema }>;
  content: {
    'application/json': {
      schema: BodySchema & { oneOf?: BodySchema[] };
      examples: Record<string, ResponseExample>;
    };
  };
}

interface BodySchema {
  required?: string[];
  properties?: Record<string, Schema>;
}

/** A field of a request. */
export type Field = Schema & {
  name: string;
  isRequired: boolean;
  /** Fields without which it is required, although others can take its place; empty: it is optional, or always required. */
  requiredWithout: string[];
};

/** An operation of the dereferenced contract. */
export interface DocumentedOperation {
  operationId: string;
  summary: string;
  description: string;
  parameters?: { name: string; in: string; description: string; schema: Schema }[];
  requestBody: {
    content: {
      'application/json': {
        schema: BodySchema & { oneOf?: BodySchema[] };
        examples: Record<string, { summary: string; value: Record<string, unknown> }>;
      };
    };
  };
  responses: Record<string, DocumentedResponse>;
}

/** An operation with its path. */
export type Operation = DocumentedOperation & { path: string };

/** The dereferenced contract. */
export interface Contract {
  info: { title: string; version: string; summary: string; description: string };
  paths: Record<string, { post: DocumentedOperation }>;
}

/** Returns the operations of the contract in its order. */
export function operationsOf({ paths }: Pick<Contract, 'paths'>): Operation[] {
  return Object.entries(paths).map(([path, { post }]) => ({ path, ...post }));
}

/** Returns the fields of an operation's request. A field that only some forms of the request have is not required. */
export function fieldsOf({ requestBody }: DocumentedOperation): Field[] {
  const { schema } = requestBody.content['application/json'];
  const forms = schema.oneOf ?? [schema];
  const fields = forms.flatMap(({ properties }) => Object.entries(properties ?? {}));
  return [...new Map(fields)].map(([name, field]) => {
    const isRequired = forms.every(({ required }) => required?.includes(name));
    const others = forms.filter(({ required }) => !required?.includes(name));
    const requiredWithout =
      others.length === forms.length ? [] : [...new Set(others.flatMap(({ required = [] }) => required))];
    return { ...field, name, isRequired, requiredWithout };
  });
}

/**
 * Returns the fields of the entries of a list, such as `leads[].ref`, each with its members, such as `events[].data.state`;
 * of any other field, none.
 */
export function entryFieldsOf({ name: list, items }: Schema & { name: string }): Field[] {
  return Object.entries(items?.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = items?.required?.includes(name) === true;
    const entry = { ...field, name: `${list}[].${name}`, isRequired, requiredWithout: [] };
    const members = Object.entries(field.properties ?? {}).map(([member, schema]) => ({
      ...schema,
      name: `${entry.name}.${member}`,
      isRequired: false,
      requiredWithout: [],
    }));
    return [entry, ...members];
  });
}

/** Returns the fields of the responses with status 200, each once for every form of the body that has it. */
export function resultFieldsOf({ responses }: DocumentedOperation): (Schema & { name: string })[] {
  const schema = responses['200']?.content['application/json'].schema ?? {};
  return (schema.oneOf ?? [schema]).flatMap(({ properties = {} }) =>
    Object.entries(properties).map(([name, field]) => ({ ...field, name })),
  );
}

/** Returns the name of the request example that the samples send: a lead that can still be cancelled. */
export function sampleName(examples: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(examples);
  return names.includes('delayed') ? 'delayed' : (names[0] ?? '');
}

/** Returns the body of the request example that the samples send. */
export function sampleBody({ requestBody }: DocumentedOperation): Record<string, unknown> {
  const { examples } = requestBody.content['application/json'];
  return examples[sampleName(examples)]?.value ?? {};
}

/** Returns the response examples of a status, by name. */
export function examplesOf(operation: DocumentedOperation, status: string): [string, ResponseExample][] {
  return Object.entries(operation.responses[status]?.content['application/json'].examples ?? {});
}

/** Returns the request that causes a response example, as text. Undefined: it depends on more than the request. */
export function requestOf(operation: Operation, name: string, example: ResponseExample): string | undefined {
  const { examples } = operation.requestBody.content['application/json'];
  const difference = example['x-request'];
  const ownBody = examples[name]?.value;
  if (difference === undefined && ownBody === undefined) return undefined;
  const query = Object.entries(difference?.query ?? {}).flatMap(([key, value]) =>
    value === null ? [] : [`${key}=${value}`],
  );
  const path = (difference?.path ?? operation.path) + (query.length > 0 ? `?${query.join('&')}` : '');
  const headers = Object.entries(difference?.headers ?? {}).map(([key, value]) => `${key}: ${value}`);
  const head = [`${difference?.method ?? 'POST'} ${path}`, ...headers].join('\n');
  return `${head}\n\n${bodyText(difference, ownBody ?? Object.values(examples)[0]?.value ?? {})}`.trim();
}

function bodyText(difference: RequestDifference | undefined, usual: Record<string, unknown>): string {
  if (difference?.text !== undefined) return difference.text;
  if (difference?.base64 !== undefined) return `(bytes, in Base64: ${difference.base64})`;
  const patched: Record<string, unknown> = { ...usual, ...difference?.patch };
  for (const [name, value] of Object.entries(difference?.patch ?? {}))
    if (value === null) delete patched[name];
  return JSON.stringify(difference?.body ?? patched, null, 2);
}

/** Headers that only some of the examples of a response have, with the names of these examples. */
const headersOfExamples: Record<string, string[]> = {
  'Idempotent-Replayed': ['replayed'],
  'Lead-Id': ['accepted', 'delayed', 'replayed'],
  'Lead-Due': ['accepted', 'delayed', 'replayed'],
};

/** Returns the headers of a response example, with the contract's example values. */
export function headersOf(operation: DocumentedOperation, status: string, name: string): string[] {
  const response = operation.responses[status];
  const outcome = response?.content['application/json'].examples[name]?.['x-outcome'];
  return Object.entries(response?.headers ?? {}).flatMap(([header, { schema, required }]) => {
    if (header === 'Lead-Outcome') return outcome === undefined ? [] : [`${header}: ${outcome}`];
    // The values of the limits' examples do not fit errors.
    if (required !== true && status !== '200') return [];
    if (headersOfExamples[header]?.includes(name) === false) return [];
    return schema.examples?.[0] === undefined ? [] : [`${header}: ${schema.examples[0]}`];
  });
}

/** Returns the hash of an operation in the reference. */
export function referenceHash({ operationId }: DocumentedOperation): string {
  return `#/leads/${operationId.toLowerCase()}`;
}

/** JSON with a space after each bracket, colon and comma, so that long bodies can wrap. */
export function json(value: Record<string, unknown>): string {
  const members = Object.entries(value).map(([name, member]) => `"${name}": ${JSON.stringify(member)}`);
  return `{ ${members.join(', ')} }`;
}

/**
 * Returns an operation by its id.
 *
 * @throws if it does not exist
 */
export function operationOf(id: string, operations: readonly Operation[]): Operation {
  const operation = operations.find(({ operationId }) => operationId === id);
  if (operation === undefined) throw new Error(`The guide names the operation ${id}, which does not exist.`);
  return operation;
}
