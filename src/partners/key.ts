import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Start of every key, by which people and programs that search for secrets recognise one. */
const prefix = 'leads_';

/** Start of every test key. The store records which keys are test keys; the prefix is for people. */
const testPrefix = `${prefix}test_`;

const form = new RegExp(`^(?:${prefix}|${testPrefix})[A-Za-z0-9_-]{32}$`);

/** Returns whether a text has the form of a complete key. */
export function hasKeyForm(text: string): boolean {
  return form.test(text);
}

/** Returns whether a text is a key or the start of one, so that it must not be printed. */
export function looksLikeKey(text: string): boolean {
  return text.trim().toLowerCase().startsWith(prefix);
}

/** Returns a new key: 192 random bits, in characters that need no escaping in a URL. */
export function newKey({ isTest = false }: { isTest?: boolean } = {}): string {
  return `${isTest ? testPrefix : prefix}${randomBytes(24).toString('base64url')}`;
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
