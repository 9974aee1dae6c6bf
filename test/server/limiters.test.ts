/** The memory of the limiters is limited, and undoing a count never gives an address more than its limit. */
import { expect, test } from 'vitest';
import { AddressRateLimiter } from '../../src/server/address-rate-limiter.ts';
import { AuthFailureLimiter } from '../../src/server/auth-failure-limiter.ts';

/** Maximum number of members, of which the oldest tenth is removed at once. */
const maxMembers = 10_000;

test('forgets the key that was remembered first if there are too many', () => {
  const limiter = new AuthFailureLimiter();
  for (let index = 0; index < maxMembers; index += 1) limiter.remember(`key ${index}`);
  expect(limiter.isRemembered('key 0')).toBe(true);
  limiter.remember('key 0');
  expect(limiter.isRemembered('key 0')).toBe(true);
  limiter.remember('one more');
  expect([0, 999, 1_000].map((index) => limiter.isRemembered(`key ${index}`))).toEqual([false, false, true]);
  expect(limiter.isRemembered('one more')).toBe(true);
});

test('forgets the address that was counted first if there are too many', () => {
  const limiter = new AddressRateLimiter({ perSecond: 0.001, burst: 1 });
  const address = (index: number) => `10.0.${Math.floor(index / 256)}.${index % 256}`;
  for (let index = 0; index < maxMembers; index += 1) expect(limiter.consume(address(index))).toBe(true);
  expect(limiter.consume(address(0))).toBe(false);
  expect(limiter.consume('192.0.2.1')).toBe(true);
  expect(limiter.consume(address(0))).toBe(true);
  expect(limiter.consume(address(9_999))).toBe(false);
});

test('gives back at most what an address has used', () => {
  const limiter = new AddressRateLimiter({ perSecond: 0.001, burst: 2 });
  expect(limiter.consume('192.0.2.1')).toBe(true);
  for (let times = 0; times < 3; times += 1) limiter.refund('192.0.2.1');
  expect([1, 2, 3].map(() => limiter.consume('192.0.2.1'))).toEqual([true, true, false]);
  limiter.refund('198.51.100.1');
  expect(limiter.retryAfter('198.51.100.1')).toBe(0);
});
