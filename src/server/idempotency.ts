import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { fingerprintOf, type Idempotency } from '../leads/idempotency.ts';

const header = 'idempotency-key';

/**
 * Returns the idempotency key of a valid request (draft-ietf-httpapi-idempotency-key-header) with the fingerprint of
 * its body; undefined: it has none. The key may be quoted, as the draft requires, or unquoted, as most clients send it.
 */
export function idempotencyOf(
  operationId: string,
  headers: IncomingHttpHeaders,
  body: object,
): Idempotency | undefined {
  const value = headers[header];
  if (typeof value !== 'string') return undefined;
  return { key: unquoted(value), fingerprint: fingerprintOf(operationId, body) };
}

/** Returns a request's headers. Node joins several idempotency keys into one value; here they stay an array. */
export function headersToValidate(incoming: IncomingMessage): NodeJS.Dict<string | string[]> {
  const { headers } = incoming;
  if (!headers[header]?.includes(',')) return headers;
  const keys = incoming.headersDistinct[header] ?? [];
  return keys.length > 1 ? { ...headers, [header]: keys } : headers;
}

/** Removes the quotes of a string (RFC 9651, section 3.3.3), in which a backslash escapes a quote or a backslash. */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(["\\])/g, '$1');
}
