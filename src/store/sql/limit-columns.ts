import type { PartnerLimit } from '../../partners/rate-limit.ts';

/** A partner's rate limit in its two columns. */
export interface LimitColumns {
  rateLimit: number | null;
  rateBurst: number | null;
}

/** Converts two columns to a rate limit. */
export function limitOf({ rateLimit, rateBurst }: LimitColumns): PartnerLimit {
  if (rateLimit === null || rateBurst === null) return 'default';
  return rateLimit === 0 ? 'off' : { perSecond: rateLimit, burst: rateBurst };
}

/** Converts a rate limit to its two columns. */
export function columnsOf(limit: PartnerLimit): LimitColumns {
  if (limit === 'default') return { rateLimit: null, rateBurst: null };
  if (limit === 'off') return { rateLimit: 0, rateBurst: 0 };
  return { rateLimit: limit.perSecond, rateBurst: limit.burst };
}
