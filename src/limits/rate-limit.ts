import { TokenBucket } from 'limiter';

/** Maximum rate of events, such as the requests of one key or the lines of a log. */
export interface RateLimit {
  /** Sustained rate (events per second). */
  perSecond: number;
  /** Maximum number of events at once after a pause. */
  burst: number;
}

/** Creates a token bucket that applies a rate limit. It starts full. */
export function fullBucket({ perSecond, burst }: RateLimit): TokenBucket {
  const bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' });
  bucket.content = burst;
  return bucket;
}
