import { TokenBucket } from 'limiter';
import { networkOf } from './client-address.ts';

/** How many requests without a good key one address may send. */
const allowed = { atOnce: 30, perSecond: 1 };

/** As it is told to who has sent too many (draft-ietf-httpapi-ratelimit-headers). */
const policy = `"wrong-keys";q=${allowed.atOnce};w=${allowed.atOnce / allowed.perSecond}`;

/** What is said of a limit that is used up, for `wait` seconds. */
export function wrongKeysHeaders(wait: number): Record<string, string> {
  return { 'RateLimit-Policy': policy, RateLimit: `"wrong-keys";r=0;t=${wait}` };
}

/** So many addresses and good keys are remembered at most: beyond, the oldest is forgotten. */
const mostRemembered = 10_000;

/**
 * Keeps an address from trying one key after the other: once it has sent too many that are not good, its
 * keys are not even looked up for a while. A key that was good a while ago is looked up all the same, so
 * that partners behind one proxy do not shut each other out.
 */
export class WrongKeys {
  readonly #failures = new Map<string, TokenBucket>();
  /** Digests. They decide what is looked up, never who is let in. */
  readonly #seenGood = new Set<string>();

  /**
   * For how many seconds no key of this address is looked up; 0 where this one may be.
   *
   * @param digest undefined for a request that bears no key
   */
  blocks(address: string, digest: string | undefined): number {
    const bucket = this.#failures.get(networkOf(address));
    if (bucket === undefined || (digest !== undefined && this.#seenGood.has(digest))) return 0;
    return Math.ceil(bucket.getWaitTime(1) / 1_000);
  }

  /** Whether nobody is being watched, as is usual. */
  get isQuiet(): boolean {
    return this.#failures.size === 0;
  }

  /** Counts a request without a good key. */
  failed(address: string): void {
    const network = networkOf(address);
    let bucket = this.#failures.get(network);
    if (bucket === undefined) {
      forgetOldest(this.#failures);
      bucket = new TokenBucket({
        bucketSize: allowed.atOnce,
        tokensPerInterval: allowed.perSecond,
        interval: 'second',
      });
      bucket.content = allowed.atOnce;
      this.#failures.set(network, bucket);
    }
    bucket.tryRemoveTokens(1);
  }

  /** Remembers a key that was good just now. */
  wasGood(digest: string): void {
    if (this.#seenGood.has(digest)) return;
    forgetOldest(this.#seenGood);
    this.#seenGood.add(digest);
  }
}

/** A Map and a Set keep the order in which their members came. */
function forgetOldest(members: Map<string, unknown> | Set<string>): void {
  if (members.size < mostRemembered) return;
  const [oldest] = members.keys();
  if (oldest !== undefined) members.delete(oldest);
}
