import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { OperationId } from '../../src/contract/reply.ts';

/** The request of a request example or an `x-request` in openapi.yaml, as a difference from the default request. */
export interface ExampleRequest {
  method?: string;
  path?: string;
  /** Added to the key; null removes a parameter. */
  query?: Record<string, string | null>;
  headers?: Record<string, string>;
  body?: unknown;
  /** A JSON Merge Patch to the first request example, which is the body otherwise. */
  patch?: Record<string, unknown>;
  text?: string;
  base64?: string;
  /** A body that is sent in chunks, without its length. */
  chunks?: string[];
}

export interface ResponseExample {
  summary?: string;
  description?: string;
  value: unknown;
  'x-outcome': string;
  'x-request'?: ExampleRequest;
}

interface DocumentedResponse {
  headers: Record<string, { required?: boolean; schema: object }>;
  content: Record<string, { schema: object; examples: Record<string, ResponseExample> }>;
}

interface DocumentedOperation {
  operationId: OperationId;
  requestBody: {
    content: Record<string, { schema: object; examples: Record<string, { value: unknown }> }>;
    'x-max-bytes': number;
  };
  responses: Record<string, DocumentedResponse>;
}

/** A response as it was received. */
export interface ReceivedResponse {
  status: number;
  headers: Record<string, string>;
  text: string;
  json: unknown;
}

/**
 * The contract. Its examples contain test numbers, which are valid only with test keys: the tests send numbers that are
 * valid with any key instead.
 */
const bundle = readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8').replaceAll(
  /7700( ?)900( ?)(8\d\d)/g,
  '7840$1258$2$3',
);

const day = 86_400_000;

/** When the examples were written, and the first time in them that must not have passed. */
const [written, firstPlanned] = [Date.UTC(2026, 10, 23, 9), Date.UTC(2026, 10, 29)];

/** Moves the times of calls in an example, which are in the future when it is sent. */
function inTheFuture(name: string, value: unknown): unknown {
  if ((name !== 'call_at' && name !== 'expires_at') || typeof value !== 'string') return value;
  const time = Date.parse(value);
  const isPlanned = time >= firstPlanned && time < written + 30 * day;
  if (!isPlanned || Date.now() < firstPlanned) return value;
  return new Date(time + Math.ceil((Date.now() - written) / day) * day).toISOString();
}

// The cast: the bundle is openapi.yaml, whose shape `redocly lint` has checked.
const document = JSON.parse(bundle, inTheFuture) as {
  paths: Record<string, Record<string, DocumentedOperation>>;
  webhooks: Record<string, { post: Pick<DocumentedOperation, 'requestBody'> }>;
};

/** Headers of HTTP itself, which the contract does not document. */
const transport = new Set([
  'content-type',
  'content-length',
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
]);

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const compiled = new Map<object, ValidateFunction>();

export function operationOf(id: OperationId): DocumentedOperation & { method: string; path: string } {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId === id) return { ...operation, method: method.toUpperCase(), path };
    }
  }
  throw new Error(`openapi.yaml has no operation ${id}.`);
}

/** Returns the maximum size of a request body of an operation (bytes). */
export function maxBytesOf(id: OperationId): number {
  return operationOf(id).requestBody['x-max-bytes'];
}

/** Returns the schema and the examples of the body of a webhook. */
export function webhookBody(name: string): { schema: object; examples: Record<string, { value: unknown }> } {
  const body = document.webhooks[name]?.post.requestBody.content['application/json'];
  if (body === undefined) throw new Error(`openapi.yaml has no webhook ${name}.`);
  return body;
}

export function operationIds(): OperationId[] {
  return Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((operation) => operation.operationId),
  );
}

/** Returns the ids of the operations that document a status. */
export function operationsWith(status: number): OperationId[] {
  return operationIds().filter((id) => status in operationOf(id).responses);
}

/** Returns the examples of a response by key. */
export function responseExamples(id: OperationId, status: number): Record<string, ResponseExample> {
  const response = operationOf(id).responses[status];
  return response?.content['application/json']?.examples ?? {};
}

/** Returns the request examples by key. */
export function requestExamples(id: OperationId): Record<string, { value: unknown }> {
  return operationOf(id).requestBody.content['application/json']?.examples ?? {};
}

/** Returns the body of the first request example. */
export function defaultBody(id: OperationId): Record<string, unknown> {
  const [first] = Object.keys(requestExamples(id));
  return requestValue(id, first ?? '');
}

/** Returns the body of a request example. */
export function requestValue(id: OperationId, key: string): Record<string, unknown> {
  const example = requestExamples(id)[key];
  if (example === undefined) throw new Error(`${id} has no request example ${key}.`);
  // The cast: the lint checks request examples against their schemas, which are objects.
  return example.value as Record<string, unknown>;
}

/** Returns the body of a response example. */
export function responseValue(id: OperationId, status: number, key: string): unknown {
  const example = responseExamples(id, status)[key];
  if (example === undefined) throw new Error(`${id} ${status} has no response example ${key}.`);
  return example.value;
}

/** Returns the first example of a response header. */
export function headerExample(id: OperationId, status: number, name: string): string {
  const [example] = Object(operationOf(id).responses[status]?.headers[name]?.schema).examples ?? [];
  if (example === undefined) throw new Error(`${id} ${status} has no example of the header ${name}.`);
  return String(example);
}

/** Returns the names of the fields of a request body in their documented order. */
export function fieldsOf(id: OperationId): string[] {
  return Object.keys(
    Object(operationOf(id).requestBody.content['application/json']?.schema).properties ?? {},
  );
}

/**
 * Checks a response against openapi.yaml.
 *
 * @param extraHeaders matches the names of undocumented headers to allow
 * @throws {Error} if the response has an undocumented status, media type, body or header
 */
export function checkResponse(id: OperationId, received: ReceivedResponse, extraHeaders?: RegExp): void {
  const response = operationOf(id).responses[received.status];
  if (response === undefined)
    throw new Error(`${id} has no documented status ${received.status}: ${received.text}`);
  const mediaType = received.headers['content-type'] ?? '';
  const media = response.content[mediaType];
  if (media === undefined)
    throw new Error(`${id} ${received.status} has no documented media type ${mediaType}.`);
  check(media.schema, received.json, `the body of ${id} ${received.status}`);
  checkHeaders(`${id} ${received.status}`, response, received.headers, extraHeaders);
}

function checkHeaders(
  what: string,
  response: DocumentedResponse,
  headers: Record<string, string>,
  extraHeaders: RegExp | undefined,
): void {
  const documented = new Map(
    Object.entries(response.headers).map(([name, header]) => [name.toLowerCase(), header]),
  );
  for (const name of Object.keys(headers)) {
    if (!documented.has(name) && !transport.has(name) && !extraHeaders?.test(name)) {
      throw new Error(`${what} has no documented header ${name}.`);
    }
  }
  for (const [name, header] of documented) {
    const value = headers[name];
    if (value === undefined && header.required) throw new Error(`${what} lacks the header ${name}.`);
    const isInteger = 'type' in header.schema && header.schema.type === 'integer';
    if (value !== undefined) check(header.schema, isInteger ? Number(value) : value, `the header ${name}`);
  }
}

function check(schema: object, value: unknown, what: string): void {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value)) return;
  throw new Error(
    `${what} is not as documented: ${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`,
  );
}
