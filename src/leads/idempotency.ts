import { hash } from 'node:crypto';

/** Identifies a request that a partner may send again. */
export interface Idempotency {
  /** The idempotency key that the partner chose. */
  key: string;
  /** Fingerprint of the request: the same key with another fingerprint is a different request. */
  fingerprint: string;
}

/** Minimum time for which a response can be replayed under its idempotency key (ms). */
export const idempotencyRetention = 24 * 3_600_000;

/**
 * Returns the fingerprint of a request. It does not depend on the layout of the JSON or the order of the fields.
 *
 * @param body a valid request body, whose values have no members of their own
 */
export function fingerprintOf(operationId: string, body: object): string {
  const fields = Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1));
  return hash('sha256', JSON.stringify([operationId, fields]), 'base64url');
}
