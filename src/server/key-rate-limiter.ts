import type { TokenBucket } from 'limiter';
import { fullBucket, type RateLimit } from '../limits/rate-limit.ts';
import type { KeyHolder } from '../partners/partner.ts';

/** A key's allowance under its rate limit after a request. */
export interface Allowance {
  /** Whether the request exceeds the limit. */
  isExceeded: boolean;
  /** Time until one more request is allowed (s). */
  retryAfter: number;
  /** Headers of draft-ietf-httpapi-ratelimit-headers. */
  headers: { 'RateLimit-Policy': string; RateLimit: string };
}

interface KeyBucket {
  bucket: TokenBucket;
  limit: RateLimit;
  policy: string;
}

/** Applies the rate limit of each key. Each server counts for itself. */
export class KeyRateLimiter {
  readonly #defaultLimit: RateLimit | undefined;
  readonly #buckets = new Map<string, KeyBucket>();

  /** @param defaultLimit rate limit of each key whose partner has no limit set; undefined: no limit */
  constructor(defaultLimit: RateLimit | undefined) {
    this.#defaultLimit = defaultLimit;
  }

  /**
   * Counts a request, or several rows, unless they exceed the limit. Returns what is left; undefined: the key has no
   * limit.
   *
   * @param count number of rows
   * @param neededLater what must be left for a later attempt, if the limit is exceeded
   */
  consume({ keyId, limit }: KeyHolder, count = 1, neededLater = count): Allowance | undefined {
    const applied = this.#appliedTo(limit);
    if (applied === undefined) return undefined;
    const { bucket, policy } = this.#bucketOf(keyId, applied);
    const isExceeded = !bucket.tryRemoveTokens(count);
    const untilNext = Math.ceil(1 / applied.perSecond);
    const headers = {
      'RateLimit-Policy': policy,
      RateLimit: `"default";r=${Math.floor(bucket.content)};t=${untilNext}`,
    };
    const missing = neededLater === 1 ? 1 : neededLater - bucket.content;
    return { isExceeded, retryAfter: Math.max(1, Math.ceil(missing / applied.perSecond)), headers };
  }

  /** Returns the maximum number of rows at once. Undefined: the key has no limit. */
  burstOf({ limit }: KeyHolder): number | undefined {
    return this.#appliedTo(limit)?.burst;
  }

  #appliedTo(limit: KeyHolder['limit']): RateLimit | undefined {
    const applied = limit === 'default' ? this.#defaultLimit : limit;
    return applied === 'off' ? undefined : applied;
  }

  /** Returns the key's bucket, or a new and full one if its limit has changed. */
  #bucketOf(keyId: string, limit: RateLimit): KeyBucket {
    const existing = this.#buckets.get(keyId);
    if (existing?.limit.perSecond === limit.perSecond && existing.limit.burst === limit.burst)
      return existing;
    const { perSecond, burst } = limit;
    const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
    const created = { bucket: fullBucket(limit), limit, policy };
    this.#buckets.set(keyId, created);
    return created;
  }
}
