import type { IncomingMessage } from 'node:http';
import type { ContractOperation } from '../contract/contract.ts';
import type { Reply } from '../contract/reply.ts';
import type { KeyHolder } from '../partners/partner.ts';
import type { BytesInFlight } from './bytes-in-flight.ts';
import type { KeyRateLimiter } from './key-rate-limiter.ts';
import { rateLimited, tooManyInFlight, tooManyRows, unavailable } from './refusals.ts';

/** The reply to a request that a limit refuses, or what else its response includes. */
export interface LimitedRows {
  /** Undefined: the request is within the limits. */
  refusal: Reply | undefined;
  /** Rate limit headers; undefined: they stay as they are. */
  headers: Readonly<Record<string, string>> | undefined;
}

/**
 * Applies the rate limit to the rows of a request. The request itself has consumed the allowance of the first row, so
 * that refused requests are limited too.
 *
 * @param body the validated body
 */
export function limitRows(
  { rows }: ContractOperation,
  body: object,
  holder: KeyHolder,
  limiter: KeyRateLimiter,
): LimitedRows | undefined {
  if (rows === undefined) return undefined;
  // The cast: the field with the rows passed the schema of an array.
  const { length } = (body as Record<string, unknown[]>)[rows.name] ?? [];
  const burst = limiter.burstOf(holder);
  if (burst !== undefined && length > burst) {
    return { refusal: tooManyRows(length, burst), headers: undefined };
  }
  const allowance = limiter.consume(holder, length - 1, length);
  const refusal = allowance?.isExceeded ? rateLimited(allowance.retryAfter) : undefined;
  return { refusal, headers: allowance?.headers };
}

/**
 * Runs a request with rows while its body is counted as in flight.
 *
 * @param run reads the body and returns the result
 * @param refuse returns the result of a request that is refused because too much is in flight
 */
export async function withinBytes<Result>(
  bytesInFlight: BytesInFlight,
  { maxBytes }: ContractOperation,
  incoming: IncomingMessage,
  keyId: string,
  run: () => Promise<Result>,
  refuse: (reply: Reply) => Result,
): Promise<Result> {
  // A larger body is not read, and a chunked one may have any size.
  const bytes = Math.min(maxBytes, Number(incoming.headers['content-length'] ?? maxBytes));
  const admission = bytesInFlight.enter(keyId, bytes);
  if (admission === 'full-for-key') return refuse(tooManyInFlight);
  if (admission === 'full') return refuse(unavailable);
  try {
    return await run();
  } finally {
    bytesInFlight.leave(keyId, bytes);
  }
}
