import { randomUUID } from 'node:crypto';
import type { Reply } from '../contract/reply.ts';
import type { FailureLog } from './failure-log.ts';

/** A name for one request. Only the server gives it, so that a line of the log means one request. */
export function newRequestId(): string {
  return randomUUID();
}

/**
 * Puts a reply into the form in which Hono sends it. Every response bears `Request-Id`.
 *
 * @param more headers that the server adds to those of the reply
 */
export function respond(
  reply: Reply,
  requestId: string = newRequestId(),
  more?: Readonly<Record<string, string>>,
): Response {
  return new Response(reply.text, {
    status: reply.status,
    headers: { ...reply.headers, 'Request-Id': requestId, ...more },
  });
}

/** A response of the service itself, which the contract with partners does not have. */
export function json(
  status: number,
  body: object,
  requestId: string = newRequestId(),
  more?: Readonly<Record<string, string>>,
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Request-Id': requestId,
      ...more,
    },
  });
}

/** The response where the service itself failed, outside any operation. */
export function serviceFailure(error: unknown, failures: FailureLog): Response {
  const requestId = newRequestId();
  failures.write('error', { err: error, requestId }, 'A request failed.');
  return json(500, { error: 'Server Error' }, requestId);
}
