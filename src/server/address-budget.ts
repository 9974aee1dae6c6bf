import { TokenBucket } from 'limiter';
import { evictOldest } from './eviction.ts';
import { networkOf } from './ip-address.ts';

export interface Budget {
  /** How many at once, after a pause. */
  burst: number;
  /** How many a second, sustained. */
  perSecond: number;
}

/** Counts something for each client address: an IPv4 address, or the first 64 bits of an IPv6 address. */
export class AddressBudget {
  readonly #budget: Budget;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Takes one from the address's budget. Returns false if nothing is left of it. */
  take(address: string): boolean {
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

  /** Gives back one that was taken. */
  giveBack(address: string): void {
    const bucket = this.#buckets.get(networkOf(address));
    if (bucket !== undefined) bucket.content = Math.min(bucket.content + 1, bucket.bucketSize);
  }

  /** Returns in how many seconds there is one to take; 0 if there is one now. */
  wait(address: string): number {
    const bucket = this.#buckets.get(networkOf(address));
    return bucket === undefined ? 0 : Math.ceil(bucket.getWaitTime(1) / 1_000);
  }
}
