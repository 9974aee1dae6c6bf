import { hash } from 'node:crypto';
import { isBlank } from '../text/visible.ts';

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
 * @param body a valid request body, whose values have no members of their own, except for an array of rows
 */
export function fingerprintOf(operationId: string, body: object): string {
  const fields = sortedFields(body).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(rowFields) : value,
  ]);
  return hash('sha256', JSON.stringify([operationId, fields]), 'base64url');
}

function sortedFields(body: object): [string, unknown][] {
  return Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1));
}

/**
 * Returns what identifies a row. Members of its values are left out: such a row is invalid, and they neither change its
 * result nor are limited in depth.
 */
function rowFields(row: unknown): unknown {
  const flat = (value: unknown) => (typeof value === 'object' && value !== null ? {} : value);
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return flat(row);
  return sortedFields(row).map(([name, value]) => [name, flat(value)]);
}

/**
 * Returns the fingerprints that a stored request can have: blank optional fields count as missing, and the delay and
 * the priority may have been sent as text.
 *
 * @param content request body as sent (JSON text)
 */
export function fingerprintsOf(operationId: string, content: string): string[] {
  const body: object = JSON.parse(content);
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => !isBlank(value)));
  const bodies = [body, given];
  const numbers = ['delays', 'priority'].filter((name) => name in given);
  if (numbers.length > 0) {
    bodies.push({ ...given, ...Object.fromEntries(numbers.map((name) => [name, Number(given[name])])) });
  }
  return bodies.map((each) => fingerprintOf(operationId, each));
}
