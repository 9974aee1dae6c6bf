import type { TokenBucket } from 'limiter';
import { fullBucket, type RateLimit } from '../limits/rate-limit.ts';
import { evictOldest } from './eviction.ts';
import { networkOf } from './ip-address.ts';

/** Applies a rate limit to each client address. IPv6 addresses of the same /64 network share a limit. */
export class AddressRateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Counts one request of an address. Returns false if it exceeds the limit. */
  consume(address: string): boolean {
    const network = networkOf(address);
    let bucket = this.#buckets.get(network);
    if (bucket === undefined) {
      evictOldest(this.#buckets);
      bucket = fullBucket(this.#limit);
      this.#buckets.set(network, bucket);
    }
    return bucket.tryRemoveTokens(1);
  }

  /** Undoes the count of one request of an address. */
  refund(address: string): void {
    const bucket = this.#buckets.get(networkOf(address));
    if (bucket !== undefined) bucket.content = Math.min(bucket.content + 1, bucket.bucketSize);
  }

  /** Returns the time until the address may send another request (s); 0: it may send one now. */
  retryAfter(address: string): number {
    const bucket = this.#buckets.get(networkOf(address));
    return bucket === undefined ? 0 : Math.ceil(bucket.getWaitTime(1) / 1_000);
  }
}
