/** Keys cannot be guessed, and a stored digest is not a valid key. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf, isSameDigest, newKey } from '../../src/partners/key.ts';

test('a key has 192 random bits', () => {
  const keys = Array.from({ length: 2_000 }, newKey);
  for (const key of keys) expect(key).toMatch(/^leads_[A-Za-z0-9_-]{32}$/);
  expect(new Set(keys).size).toBe(keys.length);
  // Each of the 32 characters takes all 64 values. That 2,000 keys lack one of them by chance is out of the question.
  for (let place = 6; place < 38; place += 1) {
    expect(new Set(keys.map((key) => key[place])).size).toBe(64);
  }
});

test('the digest of a key is its SHA-256, and does not equal the digest of anything else', () => {
  const key = newKey();
  expect(digestOf(key)).toBe(createHash('sha256').update(key).digest('hex'));
  expect(isSameDigest(digestOf(key), digestOf(key))).toBe(true);
  expect(isSameDigest(digestOf(key), digestOf(newKey()))).toBe(false);
  expect(isSameDigest(digestOf(key), digestOf(digestOf(key)))).toBe(false);
  expect(isSameDigest(digestOf(key), '')).toBe(false);
});
