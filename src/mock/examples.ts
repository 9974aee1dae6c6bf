import type { Contract, ContractOperation } from '../contract/contract.ts';
import type { Outcome } from '../contract/reply.ts';
import { authFailureHeaders } from '../server/auth-failure-limiter.ts';

/** A response example of openapi.yaml. */
export interface ResponseExample {
  status: string;
  name: string;
  summary: string;
  outcome: Outcome;
  /** JSON text. */
  body: string;
  /** The headers that the server sends with this response, except for Request-Id, whose value is always new. */
  headers: Readonly<Record<string, string>>;
}

/** The examples of an operation in openapi.yaml. */
interface DocumentedOperation {
  responses: Record<string, DocumentedResponse>;
  requestBody: { content: Record<string, { examples: Record<string, { value: object }> }> };
}

interface DocumentedResponse {
  headers: Record<string, { schema: { examples?: readonly unknown[] } }>;
  content: Record<string, { examples: Record<string, DocumentedExample> }>;
}

interface DocumentedExample {
  summary: string;
  value: object;
  'x-outcome': Outcome;
}

const json = 'application/json';

/** Returns all response examples of an operation. The first one is the response to a valid request. */
export function responseExamples(contract: Contract, operation: ContractOperation): ResponseExample[] {
  const { responses } = documentedOperation(contract, operation);
  return Object.entries(responses).flatMap(([status, { headers, content }]) =>
    Object.entries(content[json]?.examples ?? {}).map(([name, example]) => ({
      status,
      name,
      summary: example.summary,
      outcome: example['x-outcome'],
      body: JSON.stringify(example.value),
      headers: headersOf(name, example, headers),
    })),
  );
}

/** Returns the body of the first request example of an operation, as JSON. */
export function requestBody(contract: Contract, operation: ContractOperation): string {
  const [first] = Object.values(
    documentedOperation(contract, operation).requestBody.content[json]?.examples ?? {},
  );
  return JSON.stringify(first?.value);
}

function headersOf(
  name: string,
  example: DocumentedExample,
  documented: DocumentedResponse['headers'],
): Record<string, string> {
  const outcome = example['x-outcome'];
  const headers: Record<string, string> = { 'Content-Type': json, 'Lead-Outcome': outcome };
  for (const [header, { schema }] of Object.entries(documented)) {
    const [value] = schema.examples ?? [];
    if (header !== 'Request-Id' && value !== undefined && isSent(header, name, example)) {
      headers[header] = String(value);
    }
  }
  if (outcome === 'too-many-invalid-keys') Object.assign(headers, authFailureHeaders(1));
  if (outcome === 'rate-limited') headers['RateLimit'] = (headers['RateLimit'] ?? '').replace(/r=\d+/, 'r=0');
  return headers;
}

/** Returns whether the server sends a documented header with an example: the contract only describes this in words. */
function isSent(header: string, name: string, { 'x-outcome': outcome, value }: DocumentedExample): boolean {
  switch (header) {
    case 'Lead-Id':
    case 'Lead-Due':
      return outcome === 'accepted';
    case 'Idempotent-Replayed':
      return name === 'replayed';
    case 'RateLimit':
    case 'RateLimit-Policy':
      // The server refuses these requests before it reads their keys.
      return outcome !== 'too-many-from-address' && !('request' in value);
    default:
      return true;
  }
}

function documentedOperation(
  { document }: Contract,
  { method, path }: ContractOperation,
): DocumentedOperation {
  // The cast: the contract's tests check that every operation has this shape.
  return document.paths?.[path]?.[method.toLowerCase() as 'post'] as unknown as DocumentedOperation;
}
