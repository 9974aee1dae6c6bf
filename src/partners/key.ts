import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new key: 192 random bits, in letters that need no escaping in an address. It is shown once. */
export function newKey(): string {
  return `leads_${randomBytes(24).toString('base64url')}`;
}

/**
 * What is stored of a key, and what it is looked up by. A key is random and long, so one round of
 * SHA-256 is enough; and since a caller cannot steer a digest, how long the look-up takes tells
 * nothing about the keys that exist.
 */
export function digestOf(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Whether two digests are equal, in a time that tells nothing of where they differ. */
export function isSameDigest(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
