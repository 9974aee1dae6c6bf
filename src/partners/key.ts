import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Returns a new key: 192 random bits, in characters that need no escaping in a URL. */
export function newKey(): string {
  return `leads_${randomBytes(24).toString('base64url')}`;
}

/**
 * Returns the digest under which a key is stored and looked up. Keys are long and random, so one round of SHA-256 is
 * enough. Clients cannot choose a digest, so the time of a look-up reveals nothing about existing keys.
 */
export function digestOf(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Compares two digests in constant time. */
export function isSameDigest(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
