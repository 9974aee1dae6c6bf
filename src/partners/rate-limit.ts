import type { RateLimit } from '../limits/rate-limit.ts';

/** Limit of each key of a partner: the partner's own, none (`off`), or the deployment's (`default`). */
export type PartnerLimit = RateLimit | 'off' | 'default';

/** Default burst, in seconds of the sustained rate. */
const defaultBurstSeconds = 10;

/** Maximum sustained rate that can be configured (requests per second). */
export const maxPerSecond = 1_000_000;

/** Maximum burst that can be configured (requests). */
export const maxBurst = defaultBurstSeconds * maxPerSecond;

/** Maximum daily quota that can be configured (leads). */
export const maxDailyQuota = 1_000_000_000;

/** Creates a limit. The default burst is ten seconds' worth of requests. */
export function rateLimit(perSecond: number, burst: number = perSecond * defaultBurstSeconds): RateLimit {
  return { perSecond, burst };
}
