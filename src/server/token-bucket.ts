import { TokenBucket } from 'limiter';
import type { RateLimit } from '../partners/rate-limit.ts';

/** Creates a token bucket that applies a rate limit. It starts full. */
export function fullBucket({ perSecond, burst }: RateLimit): TokenBucket {
  const bucket = new TokenBucket({ bucketSize: burst, tokensPerInterval: perSecond, interval: 'second' });
  bucket.content = burst;
  return bucket;
}
