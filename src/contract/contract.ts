import { readFileSync } from 'node:fs';
import type { Document, Operation } from 'openapi-backend';
import { type WithoutAlternatives, withoutAlternatives } from './alternatives.ts';
import type { OperationId } from './reply.ts';

/** An operation of openapi.yaml, as far as the server reads it. */
export interface ContractOperation {
  id: OperationId;
  /** Upper case. */
  method: string;
  path: string;
  /** Media types of the body, lower case. */
  mediaTypes: readonly string[];
  /** Maximum size of the body (`x-max-bytes`). */
  maxBytes: number;
  credentials: Credentials;
  /** Documented headers, lower case. */
  headers: readonly string[];
  /** The field whose items are rows, which are validated one by one. Undefined: there are none. */
  rows: RowsField | undefined;
}

/** A field of a body whose items are rows (`x-validated-apart`). */
export interface RowsField {
  name: string;
  /** Schema of the `ref` of a row. */
  ref: FieldSchema;
}

/** The places in a request for an API key. */
export interface Credentials {
  queryParameters: readonly string[];
  bearer: boolean;
}

/** The contract as the running server uses it. */
export interface Contract {
  operations: readonly ContractOperation[];
  /**
   * The dereferenced document for openapi-backend, with API keys in the query as declared parameters, and without
   * alternatives in the bodies of requests.
   */
  document: Document;
  /** The contract for partners as JSON. */
  json: string;
  /** The same as YAML. */
  yaml: string;
}

/** An operation in generated/openapi.json, as far as the server reads it. */
interface RawOperation {
  operationId: OperationId;
  security?: Record<string, string[]>[];
  parameters?: { in: string; name: string }[];
  requestBody: { content: Record<string, { schema: object }>; 'x-max-bytes': number };
}

/** The content of generated/openapi.json, as far as the server reads it. */
interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>;
  security: Record<string, string[]>[];
  components: {
    securitySchemes: Record<string, { type: string; in?: string; name?: string; scheme?: string }>;
  };
}

const bundle = new URL('../../generated/openapi.json', import.meta.url);
const forPartners = {
  json: new URL('../../generated/partners.json', import.meta.url),
  yaml: new URL('../../generated/partners.yaml', import.meta.url),
};

/** Reads the contract from generated/, which `npm run generate` builds from openapi.yaml. */
export function readContract(): Contract {
  // The cast: the contract's lint and the tests guarantee this shape.
  const raw = JSON.parse(readFileSync(bundle, 'utf8')) as RawDocument;
  const operations: ContractOperation[] = [];
  for (const [path, methods] of Object.entries(raw.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const credentials = credentialsOf(operation.security ?? raw.security, raw);
      operation.parameters = [
        ...(operation.parameters ?? []),
        ...credentials.queryParameters.map((name) => ({ name, in: 'query', schema: {} })),
      ];
      let rows: RowsField | undefined;
      for (const media of Object.values(operation.requestBody.content)) {
        const apart = withoutRows(media.schema);
        rows = apart.rows;
        media.schema = withoutAlternatives(apart.schema);
      }
      operations.push({
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        mediaTypes: Object.keys(operation.requestBody.content),
        maxBytes: operation.requestBody['x-max-bytes'],
        credentials,
        headers: operation.parameters
          .filter((parameter) => parameter.in === 'header')
          .map(({ name }) => name.toLowerCase()),
        rows,
      });
    }
  }
  // The cast: openapi-backend's type of a document covers more than this server reads.
  const document = raw as unknown as Document;
  const [json, yaml] = [readFileSync(forPartners.json, 'utf8'), readFileSync(forPartners.yaml, 'utf8')];
  return { operations, document, json, yaml };
}

/** A schema, as far as `withoutRows` reads it. */
interface SchemaWithRows {
  properties?: Record<string, { 'x-validated-apart'?: true; items?: { properties: { ref: FieldSchema } } }>;
}

/** Returns a schema of a body that accepts anything as a row, and the field with the rows. Undefined: it has none. */
function withoutRows(schema: SchemaWithRows): { schema: object; rows: RowsField | undefined } {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const { 'x-validated-apart': isApart, items, ...others } = field;
    if (isApart === undefined || items === undefined) continue;
    const properties = { ...schema.properties, [name]: { ...others, items: {} } };
    return { schema: { ...schema, properties }, rows: { name, ref: items.properties.ref } };
  }
  return { schema, rows: undefined };
}

/** Returns the fields of an operation's body. */
export function bodySchema(document: Document, operation: ContractOperation): BodySchema {
  // The casts: openapi-backend's types include references, and this document is dereferenced.
  const methods = document.paths?.[operation.path] as Record<string, Operation> | undefined;
  const body = methods?.[operation.method.toLowerCase()]?.requestBody as unknown as {
    content: Record<string, { schema: WithoutAlternatives<FieldSchema> }>;
  };
  const media = body.content[operation.mediaTypes[0] ?? ''];
  if (media === undefined) throw new Error(`The body of ${operation.id} has no schema in openapi.yaml.`);
  const { properties, required = [], if: condition, else: otherwise } = media.schema;
  if (otherwise === undefined) return { properties, required };
  const [selector] = condition.required;
  return { properties, required: [selector, ...otherwise.required], selector };
}

/** The fields of a body, as far as the server reads them. */
export interface BodySchema {
  /** Fields that cannot be blank. */
  required: readonly string[];
  properties: Readonly<Record<string, FieldSchema>>;
  /** The field that selects the first of two alternatives of the body. Undefined: there are no alternatives. */
  selector?: string;
}

/** The schema of a field, as far as the server reads it. */
export interface FieldSchema {
  type: string | readonly string[];
  format?: string;
  'x-error-message'?: string;
}

/** Returns whether a field may have this JSON type. */
export function allowsType(field: FieldSchema, type: string): boolean {
  return typeof field.type === 'string' ? field.type === type : field.type.includes(type);
}

function credentialsOf(security: Record<string, string[]>[], raw: RawDocument): Credentials {
  const queryParameters: string[] = [];
  let bearer = false;
  for (const name of security.flatMap((requirement) => Object.keys(requirement))) {
    const scheme = raw.components.securitySchemes[name];
    if (scheme?.type === 'apiKey' && scheme.in === 'query' && scheme.name) queryParameters.push(scheme.name);
    else if (scheme?.type === 'http' && scheme.scheme === 'bearer') bearer = true;
    else throw new Error(`The server does not support the security scheme ${name} of openapi.yaml.`);
  }
  return { queryParameters, bearer };
}
