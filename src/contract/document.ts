import { readFileSync } from 'node:fs';
import type { Document, Operation } from 'openapi-backend';
import type { OperationId } from './reply.ts';

/** One operation of openapi.yaml, with what the server needs to know of it. */
export interface ContractOperation {
  id: OperationId;
  /** Upper case, as in a request line. */
  method: string;
  path: string;
  /** The media types that its body may have, lower case. */
  mediaTypes: readonly string[];
  /** How many bytes its body may have (`x-max-bytes`). */
  maxBytes: number;
  /** Where its key may be sent. */
  credentials: Credentials;
  /** The headers that it knows besides those of HTTP itself, lower case. */
  headers: readonly string[];
}

/** The ways in which a key may come; one is enough. */
export interface Credentials {
  queryParameters: readonly string[];
  bearer: boolean;
}

/** What openapi.yaml says, as the running server uses it. */
export interface Contract {
  operations: readonly ContractOperation[];
  /** The dereferenced document, for openapi-backend. A key in the query is a declared parameter in it. */
  document: Document;
  /** The same document as it is served, as JSON. */
  json: string;
  /** openapi.yaml as it stands. */
  yaml: string;
}

interface RawOperation {
  operationId: OperationId;
  security?: Record<string, string[]>[];
  parameters?: { in: string; name: string }[];
  requestBody: { content: Record<string, unknown>; 'x-max-bytes': number };
}

interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>;
  security: Record<string, string[]>[];
  components: {
    securitySchemes: Record<string, { type: string; in?: string; name?: string; scheme?: string }>;
  };
}

const bundle = new URL('../../generated/openapi.json', import.meta.url);
const source = new URL('../../openapi.yaml', import.meta.url);

/** Reads the contract from generated/openapi.json, which `npm run generate` makes from openapi.yaml. */
export function readContract(): Contract {
  const json = readFileSync(bundle, 'utf8');
  // The cast: the contract's lint and the tests hold the file to this shape.
  const raw = JSON.parse(json) as RawDocument;
  const operations: ContractOperation[] = [];
  for (const [path, methods] of Object.entries(raw.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const credentials = credentialsOf(operation.security ?? raw.security, raw);
      operation.parameters = [
        ...(operation.parameters ?? []),
        ...credentials.queryParameters.map((name) => ({ name, in: 'query', schema: {} })),
      ];
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
      });
    }
  }
  // The cast: openapi-backend's type of a document is wider than what is read of it here.
  return { operations, document: raw as unknown as Document, json, yaml: readFileSync(source, 'utf8') };
}

/** The schema of an operation's body, as it stands in the document. */
export function bodySchema(document: Document, operation: ContractOperation): BodySchema {
  // The casts: openapi-backend's types allow for references, and this document has none left.
  const methods = document.paths?.[operation.path] as Record<string, Operation> | undefined;
  const body = methods?.[operation.method.toLowerCase()]?.requestBody as unknown as {
    content: Record<string, { schema: BodySchema }>;
  };
  const media = body.content[operation.mediaTypes[0] ?? ''];
  if (media === undefined) throw new Error(`openapi.yaml gives the body of ${operation.id} no schema.`);
  return media.schema;
}

/** An object's schema, as far as it is read here. */
export interface BodySchema {
  required?: readonly string[];
  properties: Record<string, FieldSchema>;
}

/** A field's schema, as far as it is read here. */
export interface FieldSchema {
  type: string | readonly string[];
  format?: string;
  'x-error-message'?: string;
}

/** Whether the field may be of this JSON type. */
export function takes(field: FieldSchema, type: string): boolean {
  return typeof field.type === 'string' ? field.type === type : field.type.includes(type);
}

function credentialsOf(security: Record<string, string[]>[], raw: RawDocument): Credentials {
  const queryParameters: string[] = [];
  let bearer = false;
  for (const name of security.flatMap((requirement) => Object.keys(requirement))) {
    const scheme = raw.components.securitySchemes[name];
    if (scheme?.type === 'apiKey' && scheme.in === 'query' && scheme.name) queryParameters.push(scheme.name);
    else if (scheme?.type === 'http' && scheme.scheme === 'bearer') bearer = true;
    else
      throw new Error(`openapi.yaml asks for the security scheme ${name}, which this server cannot check.`);
  }
  return { queryParameters, bearer };
}
