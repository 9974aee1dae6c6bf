import { hash } from 'node:crypto';

/** By what a request is known that a partner may send again. */
export interface Idempotency {
  /** The name that the partner gave the request. */
  key: string;
  /** What was asked for: two requests of one key that differ in it are not the same. */
  fingerprint: string;
}

/** For how long the answer to a request is kept under its idempotency key, at least; in milliseconds. */
export const idempotencyRetention = 24 * 3_600_000;

/**
 * What tells requests apart, whatever the layout of their JSON and the order of the fields.
 *
 * @param body of a request that keeps the contract: its values have no members of their own
 */
export function fingerprintOf(operation: string, body: object): string {
  const fields = Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1));
  return hash('sha256', JSON.stringify([operation, fields]), 'base64url');
}
