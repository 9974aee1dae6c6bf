import { TokenBucket } from 'limiter';
import type { KeyHolder } from '../partners/partner.ts';
import type { RateLimit } from '../partners/rate-limit.ts';

/** What a key has left. The headers are those of draft-ietf-httpapi-ratelimit-headers. */
export interface Allowance {
  /** In how many seconds the key may send again; 0 where it may now. */
  wait: number;
  headers: { 'RateLimit-Policy': string; RateLimit: string };
}

interface KeyBucket {
  bucket: TokenBucket;
  limit: RateLimit;
  policy: string;
}

/** Counts the requests of each key, in this process. */
export class KeyLimits {
  readonly #ofDeployment: RateLimit | undefined;
  readonly #buckets = new Map<string, KeyBucket>();

  /** @param ofDeployment of keys whose partner has no limit of its own; undefined for none */
  constructor(ofDeployment: RateLimit | undefined) {
    this.#ofDeployment = ofDeployment;
  }

  /** Counts a request where there is room for it. Gives undefined for a key without a limit. */
  take({ keyId, limit }: KeyHolder): Allowance | undefined {
    const applied = limit === 'default' ? this.#ofDeployment : limit;
    if (applied === undefined || applied === 'off') return undefined;
    const { bucket, policy } = this.#bucketOf(keyId, applied);
    const isAllowed = bucket.tryRemoveTokens(1);
    // In so many seconds more are free than now, whether or not there are any.
    const more = Math.ceil(1 / applied.perSecond);
    const headers = {
      'RateLimit-Policy': policy,
      RateLimit: `"default";r=${Math.floor(bucket.content)};t=${more}`,
    };
    return { wait: isAllowed ? 0 : more, headers };
  }

  /** A limit that the operator has changed counts from the next request on, with a full burst. */
  #bucketOf(keyId: string, limit: RateLimit): KeyBucket {
    const known = this.#buckets.get(keyId);
    if (known?.limit.perSecond === limit.perSecond && known.limit.burst === limit.burst) return known;
    const { perSecond, burst } = limit;
    const bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' });
    bucket.content = burst;
    const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
    const made = { bucket, limit, policy };
    this.#buckets.set(keyId, made);
    return made;
  }
}
