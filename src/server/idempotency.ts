import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { fingerprintOf, type Idempotency } from '../leads/idempotency.ts';

const header = 'idempotency-key';

/**
 * By what a request is known if it is sent again: the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header),
 * whose value is a string in quotes, or without them as most clients write it.
 *
 * @param headers of a request that keeps the contract
 */
export function idempotencyOf(
  operation: string,
  headers: IncomingHttpHeaders,
  body: object,
): Idempotency | undefined {
  const written = headers[header];
  if (typeof written !== 'string') return undefined;
  return { key: unquoted(written), fingerprint: fingerprintOf(operation, body) };
}

/** The headers of a request. Several idempotency keys are several here, which the contract refuses: Node joins them. */
export function headersToCheck(incoming: IncomingMessage): NodeJS.Dict<string | string[]> {
  const { headers } = incoming;
  if (!headers[header]?.includes(',')) return headers;
  const keys = incoming.headersDistinct[header] ?? [];
  return keys.length > 1 ? { ...headers, [header]: keys } : headers;
}

/** RFC 9651, section 3.3.3: a string stands in double quotes, and a backslash before a quote or a backslash. */
function unquoted(written: string): string {
  if (!written.startsWith('"')) return written;
  return written.slice(1, -1).replace(/\\(["\\])/g, '$1');
}
