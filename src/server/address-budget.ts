import { TokenBucket } from 'limiter';
import { evictOldest } from './eviction.ts';
import { networkOf } from './ip-address.ts';

/** A rate limit with a burst allowance. */
export interface Budget {
  /** Maximum number at once, after a pause. */
  burst: number;
  /** Sustained rate (per second). */
  perSecond: number;
}

/** Limits how often each client address does something. An IPv6 address counts by its first 64 bits. */
export class AddressBudget {
  readonly #budget: Budget;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Consumes one unit of the address's budget. Returns false if none is left. */
  consume(address: string): boolean {
    const network = networkOf(address);
    let bucket = this.#buckets.get(network);
    if (bucket === undefined) {
      evictOldest(this.#buckets);
      const { burst, perSecond } = this.#budget;
      bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' });
      bucket.content = burst;
      this.#buckets.set(network, bucket);
    }
    return bucket.tryRemoveTokens(1);
  }

  /** Returns a consumed unit to the address's budget. */
  refund(address: string): void {
    const bucket = this.#buckets.get(networkOf(address));
    if (bucket !== undefined) bucket.content = Math.min(bucket.content + 1, bucket.bucketSize);
  }

  /** Returns the time until a unit is available (s); 0 if one is available now. */
  retryAfter(address: string): number {
    const bucket = this.#buckets.get(networkOf(address));
    return bucket === undefined ? 0 : Math.ceil(bucket.getWaitTime(1) / 1_000);
  }
}
