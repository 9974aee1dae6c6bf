import { AddressRateLimiter } from './address-rate-limiter.ts';
import { evictOldest } from './eviction.ts';

/** Maximum number of requests without a valid key from one address. */
const allowed = { burst: 30, perSecond: 1 };

const policy = `"wrong-keys";q=${allowed.burst};w=${allowed.burst / allowed.perSecond}`;

/**
 * Returns the rate limit headers of a request that exceeds the limit (draft-ietf-httpapi-ratelimit-headers).
 *
 * @param retryAfter seconds
 */
export function authFailureHeaders(retryAfter: number): Record<string, string> {
  return { 'RateLimit-Policy': policy, RateLimit: `"wrong-keys";r=0;t=${retryAfter}` };
}

/**
 * Limits the authentication failures of each address, so that nobody can guess keys. Each request is counted when it
 * arrives, and its count is undone once its key proves valid: concurrent requests cannot exceed the limit either.
 */
export class AuthFailureLimiter {
  readonly #failures = new AddressRateLimiter(allowed);
  /** Digests of keys that were valid when last used. They decide which keys are looked up, never which are accepted. */
  readonly #remembered = new Set<string>();

  /** Counts a request. Returns false if its address has sent too many. */
  count(address: string): boolean {
    return this.#failures.consume(address);
  }

  /** Undoes the count of a request whose key is valid. */
  undoCount(address: string): void {
    this.#failures.refund(address);
  }

  /** Returns the time until the address may send another request without a valid key (s). */
  retryAfter(address: string): number {
    return this.#failures.retryAfter(address);
  }

  /** Returns whether a key was valid when it was last used. Such a key is always looked up. */
  isRemembered(digest: string): boolean {
    return this.#remembered.has(digest);
  }

  /** Remembers a valid key. */
  remember(digest: string): void {
    if (this.#remembered.has(digest)) return;
    evictOldest(this.#remembered);
    this.#remembered.add(digest);
  }

  /** Forgets a key that is no longer valid. */
  forget(digest: string): void {
    this.#remembered.delete(digest);
  }
}
