import type { Reply } from '../contract/reply.ts';
import { newIdentifier, uuidOf } from '../leads/identifier.ts';
import type { LimitedLog } from '../telemetry/limited-log.ts';

/**
 * Returns a new request id, a UUID of version 7. Clients cannot set it, so that an id in the log belongs to exactly one
 * request.
 */
export function newRequestId(): string {
  return uuidOf(newIdentifier());
}

/**
 * Returns the HTTP response for a reply.
 *
 * @param headers sent in addition to those of the reply
 */
export function respond(
  reply: Reply,
  requestId: string = newRequestId(),
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(reply.text, {
    status: reply.status,
    headers: { ...reply.headers, 'Request-Id': requestId, ...headers },
  });
}

/** Returns a JSON response of the service's own routes, which are not part of the contract. */
export function json(
  status: number,
  body: object,
  requestId: string = newRequestId(),
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Request-Id': requestId,
      ...headers,
    },
  });
}

/** Logs an error outside any operation and returns the response to it. */
export function serviceFailure(error: unknown, failureLog: LimitedLog): Response {
  const requestId = newRequestId();
  failureLog.write('error', { err: error, requestId }, 'A request failed.');
  return json(500, { error: 'Server Error' }, requestId);
}
