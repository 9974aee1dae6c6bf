import { AddressBudget } from './address-budget.ts';
import { evictOldest } from './eviction.ts';

/** How many requests without a good key one address may send. */
const allowed = { burst: 30, perSecond: 1 };

/** As it is told to who has sent too many (draft-ietf-httpapi-ratelimit-headers). */
const policy = `"wrong-keys";q=${allowed.burst};w=${allowed.burst / allowed.perSecond}`;

/** What is said of a limit that is used up, for `wait` seconds. */
export function invalidKeysHeaders(wait: number): Record<string, string> {
  return { 'RateLimit-Policy': policy, RateLimit: `"wrong-keys";r=0;t=${wait}` };
}

/**
 * Keeps an address from having one key after the other looked up. Each request with a key that was not valid before
 * counts when it comes, and no longer if the key turns out to be valid: so not even many at once get past the limit.
 */
export class AuthFailureLimiter {
  readonly #failures = new AddressBudget(allowed);
  /** Digests. They decide what is looked up, never who is let in. */
  readonly #seenGood = new Set<string>();

  /** Whether a key was good a while ago, so that it is looked up whoever sends it. */
  isTrusted(digest: string | undefined): boolean {
    return digest !== undefined && this.#seenGood.has(digest);
  }

  /** Counts a request whose key is missing or was not valid before. Returns false if the address has sent too many. */
  count(address: string): boolean {
    return this.#failures.take(address);
  }

  /** Takes back the count of a request whose key is valid. */
  uncount(address: string): void {
    this.#failures.giveBack(address);
  }

  /** For how many seconds no other key of this address is looked up; 0 where one may be. */
  wait(address: string): number {
    return this.#failures.wait(address);
  }

  /** Remembers a key that was good just now. */
  wasGood(digest: string): void {
    if (this.#seenGood.has(digest)) return;
    evictOldest(this.#seenGood);
    this.#seenGood.add(digest);
  }

  /** Forgets a key that is good no longer. */
  wasRefused(digest: string): void {
    this.#seenGood.delete(digest);
  }
}
